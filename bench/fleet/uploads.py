"""What the API does with an upload – the row, the source, the workflow – without HTTP, for many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog, Database, Media, MediaStatus
from gilfoyle.config import Settings
from gilfoyle.errors import EncodeFailed
from gilfoyle.storage import Storages, keys
from gilfoyle.temporal.connect import connect

_POLL_S = 0.1
_AT_ONCE = 50

T = TypeVar("T")


class Uploads:
    """Of one load. Its medias are told from others' by their title, the queues' prefix. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(settings.database.url, settings.database.pool_size)
        self._catalog = Catalog(self._database)
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
        while await self._count(MediaStatus.READY) < len(medias):
            if await self._count(MediaStatus.ERRORED):
                raise EncodeFailed("A media of the simulated fleet is Errored: its workflow tells why.")
            if starting.done():
                starting.result()
            await asyncio.sleep(_POLL_S)
        return began, time.time()

    async def close(self) -> None:
        await self._storages.close()
        await self._database.close()

    async def _store(self, data: bytes) -> Media:
        media = await self._catalog.medias.create(self._title)
        await (await self._storages.open()).write(keys.source(media.id), data)
        return media

    async def _start(self, pipeline: Pipeline, media: Media, source: Path) -> None:
        size = source.stat().st_size
        accepted = await self._catalog.uploads.accept(
            media.id, kind="video", file_name=source.name, size=size, sha256=""
        )
        await pipeline.start_processing(accepted)

    async def _count(self, status: MediaStatus) -> int:
        return (await self._catalog.medias.page(1, 0, status, q=self._title))[1]


async def _bounded(calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Make the calls, so many at a time."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def call(each: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await each()

    return [*await asyncio.gather(*(call(each) for each in calls))]
