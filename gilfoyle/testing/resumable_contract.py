"""The contract of `gilfoyle.storage.base.Resumable`, as tests, with that of `Storage`: for backends that are both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random

import pytest

from gilfoyle.errors import InvalidRequest, ObjectNotFound, WrongOffset
from gilfoyle.storage.base import CHUNK_BYTES, Concatenates, Resumable, Storage, Unfinished
from gilfoyle.testing.storage_contract import BAD_KEYS, StorageContract, collect, keys_of, pieces


async def unfinished_of(storage: Storage, key: str) -> list[Unfinished]:
    """What is known to be under way for that key."""
    return [write async for write in storage.unfinished() if write.key == key]


class ResumableContract(StorageContract):
    """Subclass it in place of `StorageContract`."""

    @pytest.fixture
    def growing(self, storage: Storage) -> Resumable:
        """The same store."""
        assert isinstance(storage, Resumable)
        return storage

    @pytest.mark.parametrize("sizes", [[10], [1, 1, 1], [5_300_000, 0, 17, 6_000_000, 1], [0], []])
    async def test_an_object_grows_and_appears_whole(
        self, storage: Storage, growing: Resumable, sizes: list[int]
    ) -> None:
        data = Random(7).randbytes(sum(sizes))
        await growing.begin("m/source")
        arrived = 0
        for size in sizes:
            end = arrived + size
            middle = (arrived + end) // 2
            assert await growing.append("m/source", arrived, pieces(data[arrived:middle], data[middle:end])) == end
            assert await growing.arrived("m/source") == end
            with pytest.raises(ObjectNotFound):
                await storage.stat("m/source")
            assert [found async for found in storage.list("m")] == []
            assert [name async for name in storage.folders()] == []
            arrived = end
        info = await growing.finish("m/source")
        assert (info.key, info.size) == ("m/source", len(data))
        assert await collect(storage.stream("m/source")) == data
        found = await storage.stat("m/source")
        assert (found.size, found.etag) == (info.size, info.etag)
        assert await unfinished_of(storage, "m/source") == []
        with pytest.raises(ObjectNotFound):
            await growing.arrived("m/source")

    async def test_what_grows_replaces_the_object_at_its_end(self, storage: Storage, growing: Resumable) -> None:
        await storage.write("m/source", b"old")
        await growing.begin("m/source")
        await growing.append("m/source", 0, pieces(b"ne"))
        assert await storage.read("m/source") == b"old"
        await growing.append("m/source", 2, pieces(b"w"))
        await growing.finish("m/source")
        assert await storage.read("m/source") == b"new"
        await storage.write("m/source", b"newer")
        assert await storage.read("m/source") == b"newer"

    async def test_data_goes_on_where_it_ended_or_not_at_all(self, storage: Storage, growing: Resumable) -> None:
        async def unwanted() -> AsyncIterator[bytes]:
            pytest.fail("it was asked for")
            yield b""

        await growing.begin("m/source")
        assert await growing.arrived("m/source") == 0
        await growing.append("m/source", 0, pieces(b"12345"))
        for offset in (0, 4, 6, 10**15):
            with pytest.raises(WrongOffset) as refused:
                await growing.append("m/source", offset, unwanted())
            assert refused.value.offset == 5
        await growing.append("m/source", 5, pieces(b"6"))
        await growing.finish("m/source")
        assert await storage.read("m/source") == b"123456"

    async def test_begins_anew(self, storage: Storage, growing: Resumable) -> None:
        await growing.begin("m/source")
        await growing.append("m/source", 0, pieces(bytes(6 << 20), b"old"))
        await growing.begin("m/source")
        assert await growing.arrived("m/source") == 0
        await growing.append("m/source", 0, pieces(b"new"))
        await growing.finish("m/source")
        assert await storage.read("m/source") == b"new"

    @pytest.mark.parametrize("size", [1, 100_000, 11 << 20])
    async def test_what_broke_off_goes_on_from_what_arrived(
        self, storage: Storage, growing: Resumable, size: int
    ) -> None:
        data = Random(8).randbytes(size + 1000)

        async def breaking(start: int) -> AsyncIterator[bytes]:
            for first in range(start, size, CHUNK_BYTES):
                yield data[first : min(first + CHUNK_BYTES, size)]
            raise RuntimeError("cut")

        await growing.begin("m/source")
        for _ in range(2):
            arrived = await growing.arrived("m/source")
            with pytest.raises(RuntimeError, match="cut"):
                await growing.append("m/source", arrived, breaking(arrived))
            assert arrived <= await growing.arrived("m/source") <= size
        arrived = await growing.arrived("m/source")
        assert await growing.append("m/source", arrived, pieces(data[arrived:])) == len(data)
        await growing.finish("m/source")
        assert await collect(storage.stream("m/source")) == data

    async def test_appends_cancelled_at_any_moment_keep_a_beginning(self, storage: Storage, growing: Resumable) -> None:
        data = Random(9).randbytes(7 << 20)
        await growing.begin("m/source")
        for step in range(12):
            arrived = await growing.arrived("m/source")
            with suppress(TimeoutError):
                async with asyncio.timeout(step * 0.002):
                    await growing.append("m/source", arrived, pieces(data[arrived : arrived + (step << 17)]))
        arrived = await growing.arrived("m/source")
        await growing.append("m/source", arrived, pieces(data[arrived:]))
        await growing.finish("m/source")
        assert await collect(storage.stream("m/source")) == data

    async def test_what_is_dropped_is_gone(self, storage: Storage, growing: Resumable) -> None:
        await growing.abort("m/source")
        await growing.begin("m/source")
        await growing.append("m/source", 0, pieces(bytes(6 << 20), b"x"))
        await growing.abort("m/source")
        await growing.abort("m/source")
        assert await unfinished_of(storage, "m/source") == []
        for call in (growing.arrived, growing.finish):
            with pytest.raises(ObjectNotFound):
                await call("m/source")
        with pytest.raises(ObjectNotFound):
            await growing.append("m/source", 0, pieces(b"x"))
        assert await keys_of(storage, "m") == []

    @pytest.mark.parametrize("size", [3, 6 << 20])
    async def test_what_grows_is_known_and_can_be_abandoned(
        self, storage: Storage, growing: Resumable, size: int
    ) -> None:
        await growing.begin("m/source")
        await growing.begin("n/source")
        await growing.append("m/source", 0, pieces(bytes(size)))
        (write,) = await unfinished_of(storage, "m/source")
        assert write.size == size
        assert abs(write.modified - time.time()) < 60
        await storage.abandon(write)
        await storage.abandon(write)
        with pytest.raises(ObjectNotFound):
            await growing.arrived("m/source")
        assert await growing.arrived("n/source") == 0
        await growing.abort("n/source")
        assert [write async for write in storage.unfinished() if write.key] == []

    async def test_objects_grow_side_by_side(self, storage: Storage, growing: Resumable) -> None:
        names = ["m/source", "m/source-2", "n/source", "m-source"]

        async def grow(name: str) -> None:
            await growing.begin(name)
            for number in range(4):
                await growing.append(name, number * len(name), pieces(name.encode()))
            await growing.finish(name)

        await asyncio.gather(*map(grow, names))
        for name in names:
            assert await storage.read(name) == 4 * name.encode()

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_nothing_grows_under_a_bad_key(self, growing: Resumable, key: str) -> None:
        for call in (growing.begin, growing.arrived, growing.finish, growing.abort):
            with pytest.raises(InvalidRequest):
                await call(key)
        with pytest.raises(InvalidRequest):
            await growing.append(key, 0, pieces(b"x"))

    @pytest.mark.parametrize("sizes", [[3, 0, 5], [5_300_000, 17, 100, 11_000_001, 1], [], [6_000_000]])
    async def test_objects_become_one(self, storage: Storage, growing: Resumable, sizes: list[int]) -> None:
        if not isinstance(storage, Concatenates):
            pytest.skip("this storage does not concatenate")
        parts = [Random(number).randbytes(size) for number, size in enumerate(sizes)]
        names = [f"p{number}/part" for number in range(len(parts))]
        for name, data in zip(names, parts, strict=True):
            await growing.begin(name)
            await growing.append(name, 0, pieces(data))
            await growing.finish(name)
        await storage.write("m/source", b"old")
        info = await storage.concatenate("m/source", names)
        assert (info.key, info.size) == ("m/source", sum(sizes))
        assert await collect(storage.stream("m/source")) == b"".join(parts)
        found = await storage.stat("m/source")
        assert (found.size, found.etag) == (info.size, info.etag)
        for name in names:
            await storage.delete(name)
        assert await collect(storage.stream("m/source")) == b"".join(parts)
        assert await unfinished_of(storage, "m/source") == []

    async def test_of_objects_that_are_missing_nothing_is_made(self, storage: Storage, growing: Resumable) -> None:
        if not isinstance(storage, Concatenates):
            pytest.skip("this storage does not concatenate")
        await storage.write("p/part", bytes(6 << 20))
        with pytest.raises(ObjectNotFound):
            await storage.concatenate("m/source", ["p/part", "q/part"])
        assert await keys_of(storage, "m") == []
        assert [write async for write in storage.unfinished()] == []
        for key in BAD_KEYS[:3]:
            with pytest.raises(InvalidRequest):
                await storage.concatenate(key, ["p/part"])
            with pytest.raises(InvalidRequest):
                await storage.concatenate("m/source", [key])
