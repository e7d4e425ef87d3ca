"""The contract of `gilfoyle.storage.base.Storage`, as tests: each backend's own test subclasses it.

A backend in another package does the same, with pytest, pytest-asyncio (`asyncio_mode = "auto"`) and httpx installed:

    from gilfoyle.testing.storage_contract import StorageContract

    class TestMine(StorageContract):
        @pytest.fixture
        async def storage(self):
            storage = MyStorage(…)
            yield storage
            await storage.close()
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from itertools import pairwise
from random import Random

import httpx
import pytest

from gilfoyle.errors import InvalidRequest, ObjectNotFound
from gilfoyle.storage.base import CHUNK_BYTES, HasPaths, Storage

BAD_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/..",
    "../a",
    "a/../../b",
    "a/./b",
    "a b",
    "a\0b",
    "a\nb",
]
BAD_KEYS += ["a\\b", "é", "a" * 201, "/".join(["a" * 100] * 10), "~/../x", "a\n", "%2e%2e/a", "a?b", "C:/a"]


async def pieces(*values: bytes) -> AsyncIterator[bytes]:
    for value in values:
        yield value


async def collect(iterator: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in iterator])


async def keys_of(storage: Storage, prefix: str) -> list[str]:
    return [found.key async for found in storage.list(prefix)]


class StorageContract(ABC):
    """Subclass it and implement the fixture `storage`: an empty store, closed after the test."""

    @abstractmethod
    @pytest.fixture
    def storage(self) -> Storage: ...

    def test_keeps_the_protocol(self, storage: Storage) -> None:
        assert isinstance(storage, Storage)

    async def test_a_written_object_reads_back(self, storage: Storage) -> None:
        info = await storage.write("m/1/index.m3u8", b"#EXTM3U\n")
        assert (info.key, info.size) == ("m/1/index.m3u8", 8)
        assert await storage.read("m/1/index.m3u8") == b"#EXTM3U\n"
        found = await storage.stat("m/1/index.m3u8")
        assert (found.key, found.size, found.etag) == (info.key, info.size, info.etag)
        assert abs(found.modified - info.modified) < 5

    async def test_an_empty_object_exists(self, storage: Storage) -> None:
        for key, data in (("m/bytes", b""), ("m/none", pieces()), ("m/empty", pieces(b"", b""))):
            assert (await storage.write(key, data)).size == 0
            assert await storage.read(key) == b""
            assert await collect(storage.stream(key)) == b""

    async def test_many_mebibytes_in_uneven_pieces(self, storage: Storage) -> None:
        data = Random(1).randbytes(7 * CHUNK_BYTES + 13)
        cuts = [0, 1, 2, 70_000, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5, len(data)]
        parts = [data[a:b] for a, b in pairwise(cuts)]
        info = await storage.write("m/source", pieces(*parts))
        assert info.size == len(data)
        assert await storage.read("m/source") == data

    async def test_streams_in_bounded_pieces(self, storage: Storage) -> None:
        data = Random(2).randbytes(3 * CHUNK_BYTES + 1)
        await storage.write("m/source", data)
        got = [piece async for piece in storage.stream("m/source")]
        assert b"".join(got) == data
        assert max(map(len, got)) <= CHUNK_BYTES

    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, None), (0, 1), (5, 5), (3, 10), (CHUNK_BYTES - 1, CHUNK_BYTES + 2), (100, None), (0, 10**12)],
    )
    async def test_streams_a_range(self, storage: Storage, start: int, end: int | None) -> None:
        data = Random(3).randbytes(2 * CHUNK_BYTES + 100)
        await storage.write("m/source", data)
        assert await collect(storage.stream("m/source", start, end)) == data[start:end]

    async def test_streams_nothing_past_the_end(self, storage: Storage) -> None:
        await storage.write("m/a", b"abc")
        assert await collect(storage.stream("m/a", 3)) == b""
        assert await collect(storage.stream("m/a", 10, 20)) == b""

    async def test_a_stream_may_be_left_early(self, storage: Storage) -> None:
        await storage.write("m/source", bytes(4 * CHUNK_BYTES))
        async with aclosing(storage.stream("m/source")) as stream:  # type: ignore[type-var]
            async for _piece in stream:
                break
        await storage.delete("m/source")

    async def test_what_does_not_exist_is_object_not_found(self, storage: Storage) -> None:
        await storage.write("m/folder/object", b"x")
        for key in ("nothing", "m/nothing", "m/folder", "m/folder/object/below"):
            for call in (storage.read, storage.stat, *([storage.path] if isinstance(storage, HasPaths) else [])):
                with pytest.raises(ObjectNotFound):
                    await call(key)
            with pytest.raises(ObjectNotFound):
                await collect(storage.stream(key))

    async def test_overwriting_replaces_and_changes_the_etag(self, storage: Storage) -> None:
        first = await storage.write("m/index.m3u8", b"one")
        second = await storage.write("m/index.m3u8", b"two")
        assert await storage.read("m/index.m3u8") == b"two"
        assert first.etag != second.etag
        assert '"' not in second.etag

    @pytest.mark.parametrize("size", [10, 3 * CHUNK_BYTES])
    async def test_a_failing_iterator_changes_nothing(self, storage: Storage, size: int) -> None:
        async def failing() -> AsyncIterator[bytes]:
            yield bytes(size)
            raise RuntimeError("cut")

        await storage.write("m/kept", b"old")
        for key in ("m/kept", "m/new"):
            with pytest.raises(RuntimeError, match="cut"):
                await storage.write(key, failing())
        assert await storage.read("m/kept") == b"old"
        assert await keys_of(storage, "m") == ["m/kept"]

    async def test_a_cancelled_write_changes_nothing(self, storage: Storage) -> None:
        started = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield bytes(2 * CHUNK_BYTES)
            started.set()
            await asyncio.Event().wait()

        await storage.write("m/kept", b"old")
        writing = asyncio.create_task(storage.write("m/kept", endless()))
        await started.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await storage.read("m/kept") == b"old"
        assert await keys_of(storage, "m") == ["m/kept"]

    async def test_writes_cancelled_at_any_moment_leave_all_or_nothing(self, storage: Storage) -> None:
        data = bytes(2 * CHUNK_BYTES)
        for step in range(20):
            with suppress(TimeoutError):
                async with asyncio.timeout(step * 0.0005):
                    await storage.write("m/object", pieces(data, data))
            with suppress(ObjectNotFound):
                assert len(await storage.read("m/object")) == 2 * len(data)
            await storage.delete("m/object")
            assert await keys_of(storage, "m") == []

    async def test_readers_never_see_a_part(self, storage: Storage) -> None:
        values = [bytes([n]) * (CHUNK_BYTES + 1000 * n) for n in range(1, 4)]
        await storage.write("m/object", values[0])
        done = asyncio.Event()

        async def hammer() -> int:
            reads = 0
            while not done.is_set():
                assert await storage.read("m/object") in values
                assert await collect(storage.stream("m/object")) in values
                reads += 1
            return reads

        readers = [asyncio.create_task(hammer()) for _ in range(3)]
        for n in range(12):
            value = values[n % 3]
            await storage.write("m/object", pieces(value[:1000], value[1000:]))
        done.set()
        assert all(reads > 0 for reads in await asyncio.gather(*readers))

    async def test_readers_see_a_new_object_whole_or_not_at_all(self, storage: Storage) -> None:
        value = Random(4).randbytes(CHUNK_BYTES + 123)
        names = [f"m/1/720p/{n:05d}.m4s" for n in range(10)]
        done = asyncio.Event()

        async def hammer() -> int:
            found = 0
            while not done.is_set():
                for name in names:
                    with suppress(ObjectNotFound):
                        assert await storage.read(name) == value
                        found += 1
                async for item in storage.list("m/1"):
                    assert item.size == len(value)
            return found

        readers = [asyncio.create_task(hammer()) for _ in range(3)]
        for name in names:
            await storage.write(name, pieces(value[:1000], value[1000:]))
        done.set()
        assert sum(await asyncio.gather(*readers)) > 0

    async def test_writers_of_one_key_leave_one_whole_value(self, storage: Storage) -> None:
        values = [bytes([n]) * 200_000 for n in range(8)]
        await asyncio.gather(*(storage.write("m/object", pieces(value)) for value in values))
        assert await storage.read("m/object") in values
        assert await keys_of(storage, "m") == ["m/object"]

    async def test_many_writers_at_once(self, storage: Storage) -> None:
        names = [f"m/1/720p/{n:05d}.m4s" for n in range(60)]
        await asyncio.gather(*(storage.write(name, name.encode()) for name in names))
        assert await keys_of(storage, "m/1") == names
        for name in names:
            assert await storage.read(name) == name.encode()

    async def test_lists_a_folder_in_key_order(self, storage: Storage) -> None:
        wanted = ["a/1/a-b", "a/1/a.b", "a/1/a/z", "a/1/a0", "a/1/b/1/2/3", "a/1/b/2"]
        for key in [*reversed(wanted), "a/10/x", "a/1x", "ab/1/x"]:
            await storage.write(key, key.encode())
        assert await keys_of(storage, "a/1") == wanted
        assert [found.size async for found in storage.list("a/1")] == [len(key) for key in wanted]

    async def test_lists_nothing_where_there_is_nothing(self, storage: Storage) -> None:
        await storage.write("m/object", b"x")
        assert await keys_of(storage, "nothing/here") == []
        assert await keys_of(storage, "m/object") == []

    async def test_names_the_folders_below_one(self, storage: Storage) -> None:
        for key in ("b/2/x", "b/10/x", "b/1/deep/er/y", "b/file", "a/x"):
            await storage.write(key, b"x")
        assert [name async for name in storage.folders()] == ["a", "b"]
        assert [name async for name in storage.folders("b")] == ["1", "10", "2"]
        assert [name async for name in storage.folders("nothing")] == []
        await storage.delete_prefix("b/10")
        assert [name async for name in storage.folders("b")] == ["1", "2"]

    async def test_a_write_that_has_ended_is_not_unfinished(self, storage: Storage) -> None:
        before = [write.id async for write in storage.unfinished()]

        async def data() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield bytes(8 * CHUNK_BYTES)

        await storage.write("m/source", data())
        assert [write.id async for write in storage.unfinished()] == before

    async def test_deletes_one_object(self, storage: Storage) -> None:
        await storage.write("m/a", b"x")
        await storage.write("m/b", b"x")
        await storage.delete("m/a")
        await storage.delete("m/a")
        await storage.delete("nothing/here")
        assert await keys_of(storage, "m") == ["m/b"]
        with pytest.raises(ObjectNotFound):
            await storage.stat("m/a")

    async def test_deletes_a_folder_and_nothing_beside_it(self, storage: Storage) -> None:
        for key in ("a/1/x", "a/1/deep/er/y", "a/10/z", "a/1.txt", "b/1/x"):
            await storage.write(key, b"x")
        assert await storage.delete_prefix("a/1") == 2
        assert await storage.delete_prefix("a/1") == 0
        assert await keys_of(storage, "a") == ["a/1.txt", "a/10/z"]
        assert await keys_of(storage, "b") == ["b/1/x"]

    async def test_a_deleted_key_can_be_written_again(self, storage: Storage) -> None:
        await storage.write("a/1/x", b"old")
        await storage.delete_prefix("a")
        await storage.write("a/1", b"was a folder")
        assert await storage.read("a/1") == b"was a folder"

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_refuses_a_bad_key(self, storage: Storage, key: str) -> None:
        consumed = False

        async def never() -> AsyncIterator[bytes]:
            nonlocal consumed
            consumed = True
            yield b"x"

        calls = (
            storage.read,
            storage.stat,
            storage.delete,
            storage.delete_prefix,
            storage.player_url,
            *([storage.path] if isinstance(storage, HasPaths) else []),
        )
        for call in calls:
            with pytest.raises(InvalidRequest):
                await call(key)
        with pytest.raises(InvalidRequest):
            await storage.write(key, never())
        with pytest.raises(InvalidRequest):
            await collect(storage.stream(key))
        with pytest.raises(InvalidRequest):
            await keys_of(storage, key)
        if key:
            with pytest.raises(InvalidRequest):
                assert not [name async for name in storage.folders(key)]
        assert not consumed

    async def test_a_player_url_serves_the_object(self, storage: Storage) -> None:
        await storage.write("m/object", b"content")
        url = await storage.player_url("m/object")
        if url is not None:
            async with httpx.AsyncClient() as client:
                assert (await client.get(url)).content == b"content"
