"""What happens, for all who wait for it in this process: one connection that listens, and one query for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gilfoyle.catalog import Catalog, Database, Event, EventFilter
from gilfoyle.catalog.listening import listening
from gilfoyle.catalog.outbox import CHANNEL
from gilfoyle.errors import Unavailable
from gilfoyle.tasks import stop

LOOK_S = 10.0
"""How often it looks for events without being woken (seconds)."""
REMEMBERED = 2000
"""How many events are kept in memory, for those who read a little later than others."""
PAGE = 500
_AGAIN_S = 2.0
# Readers of old events leave most of the pool to those who wait for an answer.
_REPLAYS = 2
log = logging.getLogger(__name__)


class Feed:
    """Follows the outbox."""

    def __init__(self, catalog: Catalog, database: Database, look_s: float = LOOK_S) -> None:
        self._catalog = catalog
        self._database = database
        self._look_s = look_s
        self._events: deque[Event] = deque()
        self._known_after = -1
        self._last: int | None = None
        self._changed = asyncio.Event()
        self._replays = asyncio.Semaphore(_REPLAYS)
        self.closed = False

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow the outbox until the end of the block."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self.close()
            await stop([task])

    def close(self) -> None:
        """Send everyone away who waits."""
        self.closed = True
        self._wake()

    async def start(self) -> int:
        """The number after which all is new. Raises Unavailable."""
        return await self._catalog.events.last() if self._last is None else self._last

    @property
    def newest(self) -> int:
        """The number of the last event that is known; -1 before it has looked."""
        return -1 if self._last is None else self._last

    async def wait(self, after: int, seconds: float) -> None:
        """Until there may be events after a number, or it closes, or so many seconds have passed."""
        if not self.closed and not self.is_ahead(after):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)

    def is_ahead(self, after: int) -> bool:
        """Whether there are events after a number."""
        return self._last is not None and self._last > after

    async def read(self, after: int, sought: EventFilter) -> tuple[list[Event], int]:
        """Some that follow a number, in order, and the number after which to go on. Raises Unavailable."""
        if (newest := self._last) is None or after >= newest:
            return [], after
        if after >= self._known_after:
            return [event for event in self._events if event.id > after and sought.matches(event)], newest
        async with self._replays:
            found = await self._catalog.events.page(after, PAGE, sought)
        return found, found[-1].id if len(found) == PAGE else newest

    async def _follow(self) -> None:
        said = ""
        while not self.closed:
            try:
                async with listening(self._database, CHANNEL) as wait:
                    while not self.closed:
                        await self._look()
                        said = ""
                        await wait(self._look_s)
            except Unavailable as error:
                if error.message != said:
                    log.warning("events are not followed: %s", error.message)
                said = error.message
            except Exception:
                log.exception("following the events")
            await asyncio.sleep(_AGAIN_S)

    async def _look(self) -> None:
        """Read what is new. Raises Unavailable."""
        if self._last is None:
            self._last = self._known_after = await self._catalog.events.last()
            self._wake()
        while found := await self._catalog.events.page(self._last, PAGE):
            self._events.extend(found)
            while len(self._events) > REMEMBERED:
                self._known_after = self._events.popleft().id
            self._last = found[-1].id
            self._wake()

    def _wake(self) -> None:
        """Whoever waits from now on waits for the next change."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
