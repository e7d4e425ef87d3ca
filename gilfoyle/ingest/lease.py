"""The lease that an upload holds while its bytes arrive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from gilfoyle.catalog import Catalog
from gilfoyle.errors import Conflict, GilfoyleError, Gone, NotFound, Unavailable

LEASE_S = 30.0
RENEW_S = 10.0
RESUMED_LEASE_S = 6.0
RESUMED_RENEW_S = 2.0
"""Of uploads whose clients try again by themselves: whoever goes on does not wait long for one that died."""
log = logging.getLogger(__name__)


class Leased(Protocol):
    """Where leases are kept, by id: `catalog.uploads` has those of medias, `catalog.partials` of partial uploads."""

    async def renew(self, each: Any, seconds: float, held: datetime, /) -> datetime:
        """Prolong the lease that ends at `held`. Raises Conflict, NotFound or Gone if it is lost."""
        ...

    async def holds(self, each: Any, held: datetime, /) -> bool:
        """Whether nobody has taken it."""
        ...

    async def release(self, each: Any, held: datetime, /) -> None:
        """Give it back."""
        ...


class UploadLease:
    """Renewed in the background while bytes arrive. An upload that stalls loses it after `LEASE_S`."""

    def __init__(
        self,
        leased: Leased,
        owner: UUID | str,
        until: datetime,
        seconds: float,
        taken: float,
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        """`owner`: the id. `taken`: by the monotonic clock, no later than the lease was asked for.

        `give_up` ends an upload that waits for bytes although another has taken its place.
        """
        self._give_up = give_up
        self._leased = leased
        self._owner = owner
        self._seconds = seconds
        self._touched = True
        self._lost: GilfoyleError | None = None
        self._finishing = False
        self._renewed = taken
        self.until = until
        self.lock = asyncio.Lock()
        """Locked while the lease is renewed: under it, `until` equals the catalog's value."""

    def touch(self) -> None:
        """Note that bytes arrived. Raises Conflict or NotFound if the lease is lost: going on is useless."""
        self._touched = True
        if self._lost is not None:
            raise self._lost

    async def hold(self) -> None:
        """As `touch`, before an irreversible write: no one else holds the lease at this moment.

        Judged by elapsed time alone, on which all clocks agree. Raises Unavailable, too.
        """
        self.touch()
        if time.monotonic() - self._renewed > self._seconds / 2:
            await self._renew()

    async def finish(self) -> None:
        """Note that all bytes arrived; writing them to disk may take long. Raises Conflict or NotFound."""
        self._finishing = True
        await self._renew()

    async def _renew(self) -> None:
        async with self.lock:
            asked = time.monotonic()
            self.until = await self._leased.renew(self._owner, self._seconds, self.until)
            self._renewed = asked

    async def _is_mine(self) -> bool:
        async with self.lock:
            return await self._leased.holds(self._owner, self.until)

    async def keep(self, every_s: float) -> None:
        """Renew for as long as bytes arrive. Runs until it is cancelled or the lease is lost.

        One that is lost while no bytes arrive ends the upload: a connection may be gone without a word.
        """
        while self._lost is None:
            await asyncio.sleep(every_s)
            try:
                if not self._touched and not self._finishing and await self._is_mine():
                    continue
                self._touched = False
                await self._renew()
            except (Conflict, NotFound, Gone) as error:
                self._lost = error
                self._give_up()
            except Unavailable:
                log.warning("the lease of %s could not be renewed; trying again", self._owner)
                self._touched = True


@asynccontextmanager
async def upload_lease(
    catalog: Catalog,
    media_id: UUID,
    storage: str,
    seconds: float = LEASE_S,
    every_s: float = RENEW_S,
    *,
    replace: bool = False,
    import_id: str | None = None,
) -> AsyncIterator[UploadLease]:
    """Hold the media's lease, for an upload into `storage`, until the end of the block. Raises NotFound, Conflict.

    `replace`, `import_id`: see `catalog.uploads.lease`.
    """
    taken = time.monotonic()
    until = await catalog.uploads.lease(media_id, seconds, storage, replace=replace, import_id=import_id)
    async with _keeping(catalog.uploads, media_id, until, seconds, taken, every_s) as lease:
        yield lease


@asynccontextmanager
async def partial_lease(catalog: Catalog, upload_id: str) -> AsyncIterator[UploadLease]:
    """Hold the lease of a partial upload until the end of the block. Raises NotFound, Conflict, Gone, Locked."""
    taken = time.monotonic()
    until = await catalog.partials.lease(upload_id, RESUMED_LEASE_S)
    async with _keeping(catalog.partials, upload_id, until, RESUMED_LEASE_S, taken, RESUMED_RENEW_S) as lease:
        yield lease


@asynccontextmanager
async def _keeping(
    leased: Leased, owner: UUID | str, until: datetime, seconds: float, taken: float, every_s: float
) -> AsyncIterator[UploadLease]:
    scope = asyncio.timeout(None)

    def give_up() -> None:
        with suppress(RuntimeError):  # it has ended
            scope.reschedule(0)

    lease = UploadLease(leased, owner, until, seconds, taken, give_up)
    keeping = asyncio.create_task(lease.keep(every_s))
    try:
        async with scope:
            yield lease
    except TimeoutError:
        if scope.expired():
            lease.touch()
        raise
    finally:
        async with lease.lock:
            keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        with suppress(Unavailable):  # then it ends by itself
            await leased.release(owner, lease.until)
