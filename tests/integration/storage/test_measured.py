"""What is measured of a storage, on a folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.metrics.instruments import REGISTRY
from gilfoyle.storage import Opens, OpensFiles, Resumable, Storage, Storages, WritesNew

PAUSE_S = 0.3


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    storages = Storages(StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "media")))
    yield await storages.open()
    await storages.close()


class Figures:
    """How much an operation's figures have grown."""

    def __init__(self, op: str) -> None:
        self._labels = {"driver": "filesystem", "op": op}
        self._before = self._now()

    def _now(self) -> list[float]:
        names = ("duration_seconds_count", "duration_seconds_sum", "errors_total")
        return [REGISTRY.get_sample_value(f"gilfoyle_storage_operation_{name}", self._labels) or 0 for name in names]

    def grown(self) -> list[float]:
        return [now - before for now, before in zip(self._now(), self._before, strict=True)]


async def test_it_can_do_what_it_could(storage: Storage) -> None:
    assert isinstance(storage, Storage) and isinstance(storage, Resumable) and isinstance(storage, OpensFiles)
    assert not isinstance(storage, Opens) and not isinstance(storage, WritesNew)


async def test_each_operation_is_counted(storage: Storage) -> None:
    ops = ("write", "read", "stat", "stream", "list", "open_file", "delete")
    figures = {op: Figures(op) for op in ops}
    await storage.write("a/1", b"some")
    assert await storage.read("a/1") == b"some"
    assert (await storage.stat("a/1")).size == 4
    assert [piece async for piece in storage.stream("a/1", 1, 3)] == [b"om"]
    assert [each.key async for each in storage.list("a")] == ["a/1"]
    assert isinstance(storage, OpensFiles)
    opened = storage.open_file("a/1")
    assert opened
    opened[1].close()
    await storage.delete("a/1")
    grown = {op: figures[op].grown() for op in ops}
    assert {op: (count, errors) for op, (count, _, errors) in grown.items()} == dict.fromkeys(ops, (1, 0))
    assert all(seconds > 0 for _, seconds, _ in grown.values())


async def test_who_sends_or_reads_slowly_is_no_fault_of_it(storage: Storage) -> None:
    writing, reading = Figures("write"), Figures("stream")

    async def slow() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.sleep(PAUSE_S)

    await storage.write("a/1", slow())
    async for _ in storage.stream("a/1"):
        await asyncio.sleep(PAUSE_S)
    assert writing.grown()[1] < PAUSE_S and reading.grown()[1] < PAUSE_S


async def test_what_is_not_there_is_no_error_and_what_fails_is(storage: Storage, tmp_path: Path) -> None:
    reading, writing = Figures("read"), Figures("write")
    with pytest.raises(ObjectNotFound):
        await storage.read("a/1")
    assert (reading.grown()[0], reading.grown()[2]) == (1, 0)
    (tmp_path / "media" / "a").write_bytes(b"in the way")
    with pytest.raises(StorageError):
        await storage.write("a/1", b"some")
    assert (writing.grown()[0], writing.grown()[2]) == (1, 1)


async def test_a_client_that_breaks_off_is_no_error(storage: Storage) -> None:
    writing = Figures("write")

    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise StorageError("That was another storage's.")

    with pytest.raises(StorageError, match="another storage's"):
        await storage.write("a/1", broken())
    assert (writing.grown()[0], writing.grown()[2]) == (1, 0)
