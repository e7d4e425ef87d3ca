"""Our side: a backend through the `Storage` protocol, as the product uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from bench.storage.data import read_pieces
from bench.storage.side import IN_FLIGHT
from gilfoyle.config import StorageSettings
from gilfoyle.storage.storages import open_storage

_MEDIA = "00000000-0000-4000-8000-000000000000"
_FOLDER = f"{_MEDIA}/1/720p"


class Ours:
    """A large object arrives in pieces, as an upload does; segments are whole, and eight are in flight."""

    def __init__(self, settings: StorageSettings) -> None:
        self._runner = asyncio.Runner()
        self._storage = open_storage(settings)
        self._keys: list[str] = []
        self._runner.run(self._warm_up())

    def put_object(self, source: Path) -> None:
        async def arriving() -> AsyncIterator[bytes]:
            for piece in read_pieces(source):
                yield piece

        self._runner.run(self._put(f"{_MEDIA}/source", arriving()))

    def get_object(self) -> int:
        return self._runner.run(self._get(f"{_MEDIA}/source"))

    def put_segments(self, folder: Path) -> None:
        files = {f"{_FOLDER}/{file.name}": file for file in sorted(folder.iterdir())}
        self._keys = [*files]
        self._runner.run(_in_flight(self._put(key, file.read_bytes()) for key, file in files.items()))

    def get_segments(self) -> int:
        return self._runner.run(_in_flight(self._get(key) for key in self._keys))

    def close(self) -> None:
        self._runner.run(self._storage.close())
        self._runner.close()

    async def _warm_up(self) -> None:
        await self._put(f"{_MEDIA}/warm-up", b"x")
        await self._get(f"{_MEDIA}/warm-up")

    async def _put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
        return (await self._storage.write(key, data)).size

    async def _get(self, key: str) -> int:
        size = 0
        async with aclosing(self._storage.stream(key)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                size += len(piece)
        return size


async def _in_flight(calls: Iterable[Coroutine[Any, Any, int]]) -> int:
    """Run the calls, IN_FLIGHT at a time; each is made when it is its turn. Returns the sum of what they return."""
    waiting = iter(calls)

    async def work() -> int:
        total = 0
        for call in waiting:
            total += await call
        return total

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work()) for _ in range(IN_FLIGHT)]
    return sum(worker.result() for worker in workers)
