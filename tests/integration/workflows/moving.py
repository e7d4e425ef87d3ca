"""Two backends, medias in them, and storages that misbehave: what the tests of a move need."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHandle

from gilfoyle.catalog import Catalog, Media
from gilfoyle.storage import FilesystemStorage, Storage, keys
from gilfoyle.storage.base import ObjectInfo
from gilfoyle.temporal.messages import MoveProgress, MoveStorageInput, move_id
from gilfoyle.workflows.move_storage import MoveStorage
from tests.integration.workflows.service import Service

QUICK = {"linger_s": 0.3, "round_s": 0.2}
SOURCE = b"source" * 50_000


def stream_files() -> dict[str, bytes]:
    """The objects of an encoding of one rendition: `00000.m4s` is `bytes(0) * 3000`, and so on."""
    segments = {f"720p/{index:05}.m4s": bytes([index]) * 3000 for index in range(12)}
    return {"master.m3u8": b"#EXTM3U\n720p/index.m3u8\n", "720p/index.m3u8": b"#EXTM3U\n", "720p/init.mp4": b"i"} | (
        segments
    )


async def uploaded(catalog: Catalog, storage: Storage, name: str = "filesystem", source: bytes = SOURCE) -> Media:
    """A media that is Processing, with its source."""
    media = await catalog.medias.create("Film", storage=name)
    await storage.write(keys.source(media.id), source)
    digest = hashlib.sha256(source).hexdigest()
    return await catalog.uploads.accept(media.id, kind="video", file_name="f.mp4", size=len(source), sha256=digest)


async def ready(catalog: Catalog, storage: Storage, name: str = "filesystem", source: bytes = SOURCE) -> Media:
    """A media that is Ready."""
    media = await uploaded(catalog, storage, name, source)
    for path, data in stream_files().items():
        await storage.write(f"{keys.encoding_prefix(media.id, 1)}/{path}", data)
    await catalog.encodings.progress(media.id, 1, [], playable=True, progress=1)
    await catalog.encodings.finish(media.id, 1)
    return media


def whole() -> dict[str, bytes]:
    """What a Ready media has, by the path in its folder."""
    return {"source": SOURCE} | {f"1/{path}": data for path, data in stream_files().items()}


async def contents(storage: Storage, media_id: UUID) -> dict[str, bytes]:
    """Every object of a media in a backend."""
    prefix = keys.media_prefix(media_id)
    return {item.key.removeprefix(f"{prefix}/"): await storage.read(item.key) async for item in storage.list(prefix)}


class Watched(FilesystemStorage):
    """Counts writes, and lets a test step in."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.writes: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        self.stop_at = ""
        """A write of a key that ends so waits for `go`."""
        self.stopped = asyncio.Event()
        self.go = asyncio.Event()
        self.flip: Callable[[str], bool] = lambda _key: False
        """Whether this write of a key stores a wrong byte."""

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        if self.stop_at and key.endswith(self.stop_at):
            self.stopped.set()
            await self.go.wait()
        self.writes[key] += 1
        if not isinstance(data, bytes) and self.flip(key):
            data = _flipped(data)
        return await super().write(key, data)

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        self.reads[key] += 1
        async for piece in super().stream(key, start, end):
            yield piece


async def _flipped(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    first = True
    async for piece in data:
        yield bytes([piece[0] ^ 1]) + piece[1:] if first else piece
        first = False


async def start(service: Service, target: str = "other", **options: Any) -> WorkflowHandle[Any, MoveProgress]:
    """Start a move that does not wait long."""
    return await service.parts.client.start_workflow(
        MoveStorage.run,
        MoveStorageInput(target=target, **(QUICK | options)),
        id=move_id(service.parts.settings.temporal.queue_prefix),
        task_queue=service.queue,
    )


async def move(service: Service, target: str = "other", **options: Any) -> MoveProgress:
    """Start a move, and wait for its result."""
    return await asyncio.wait_for((await start(service, target, **options)).result(), 60)
