"""What the API does with an upload – the row, the source, the workflow – without HTTP, for many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog, Database, Media, MediaStatus
from gilfoyle.config import Settings
from gilfoyle.errors import EncodeFailed, Unavailable
from gilfoyle.storage import Storages, keys
from gilfoyle.temporal.connect import connect

_POLL_S = 0.1
_LOOK_S = 0.2
_AT_ONCE = 50
_PAGE = 500
_TRIES, _PAUSE_S = 5, 2.0
_ERRORED = "A media of the simulated fleet is Errored: its workflow tells why."

T = TypeVar("T")


class Uploads:
    """Of one load. Its medias are told from others' by their title, the queues' prefix. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(settings.database.url, settings.database.pool_size)
        self.catalog = Catalog(self._database)
        self._storages = Storages(settings.storage)
        self._title = settings.temporal.queue_prefix

    async def store(self, source: Path, count: int) -> list[Media]:
        """Medias whose source is stored. They are not accepted yet: what is accepted, the API soon starts by itself."""
        data = await asyncio.to_thread(source.read_bytes)
        return await _bounded([partial(self._store, data)] * count)

    async def process(self, medias: list[Media], source: Path) -> tuple[float, float]:
        """Accept and start all; returns when that began and when the last media is Ready (`time.time`).

        Raises EncodeFailed.
        """
        pipeline = Pipeline(await connect(self._settings.temporal), self._settings)
        began = time.time()
        starting = asyncio.create_task(_bounded([partial(self._start, pipeline, media, source) for media in medias]))
        while await self.count(MediaStatus.READY) < len(medias):
            if await self.count(MediaStatus.ERRORED):
                raise EncodeFailed(_ERRORED)
            if starting.done():
                starting.result()
            await asyncio.sleep(_POLL_S)
        return began, time.time()

    async def send(
        self, medias: Sequence[Media], source: Path, at: Sequence[float], sent: Callable[[int], None]
    ) -> dict[str, float]:
        """Accept and start each at its time, in seconds from now on. When each was accepted, by its id (`time.time`).

        `sent` is called with the number of those that are started, after each. Raises Unavailable.
        """
        pipeline = Pipeline(await connect(self._settings.temporal), self._settings)
        began, accepted = time.monotonic(), dict[str, float]()
        for media, due in zip(medias, at, strict=True):
            await asyncio.sleep(max(0.0, began + due - time.monotonic()))
            accepted[str(media.id)] = time.time()
            await self._start(pipeline, media, source)
            sent(len(accepted))
        return accepted

    async def ended(self, medias: Sequence[Media], after: int, patience_s: float) -> dict[str, float]:
        """Wait until all are Ready. When each was playable, by its id (`time.time`). `after`: the event before them.

        Raises EncodeFailed if one is Errored, or not Ready after so many seconds.
        """
        ours = {str(each.id) for each in medias}
        waiting, played, until = {*ours}, dict[str, float](), time.monotonic() + patience_s
        while waiting:
            for event in await self.catalog.events.page(after, _PAGE):
                after, media_id = event.id or after, str(event.media_id)
                if media_id not in ours:
                    continue
                if event.type == "media.playable":
                    played.setdefault(media_id, event.created_at.timestamp())
                elif event.type == "media.ready":
                    waiting.discard(media_id)
                elif event.type == "media.errored":
                    raise EncodeFailed(_ERRORED)
            if time.monotonic() > until:
                raise EncodeFailed(f"{len(waiting)} medias of the simulated fleet don't become Ready.")
            await asyncio.sleep(_LOOK_S)
        return played

    async def close(self) -> None:
        await self._storages.close()
        await self._database.close()

    async def _store(self, data: bytes) -> Media:
        media = await self.catalog.medias.create(self._title)
        await (await self._storages.open()).write(keys.source(media.id), data)
        return media

    async def _start(self, pipeline: Pipeline, media: Media, source: Path) -> None:
        size = source.stat().st_size
        accepted = await self.catalog.uploads.accept(
            media.id,
            kind="video",
            file_name=source.name,
            size=size,
            sha256="",
            storage=self._settings.storage.driver,
        )
        for attempt in range(_TRIES):
            try:
                await pipeline.start_processing(accepted)
                return
            except Unavailable:
                # A machine that is as busy as a benchmark has it may not answer in time. Starting twice starts one.
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(_PAUSE_S)

    async def count(self, status: MediaStatus) -> int:
        """How many of them have it."""
        return (await self.catalog.medias.page(1, 0, status, q=self._title))[1]


async def _bounded(calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Make the calls, so many at a time."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def call(each: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await each()

    return [*await asyncio.gather(*(call(each) for each in calls))]
