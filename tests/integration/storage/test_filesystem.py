from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.errors import Conflict, InvalidRequest, ObjectNotFound, StorageError
from gilfoyle.storage import FilesystemStorage, open_storage
from gilfoyle.storage.base import CHUNK_BYTES, Unfinished
from gilfoyle.storage.filesystem.files import GrowingFile, TempFile, explain
from gilfoyle.testing.resumable_contract import ResumableContract


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[FilesystemStorage]:
    storage = FilesystemStorage(tmp_path / "media")
    yield storage
    await storage.close()


class TestContract(ResumableContract):
    @pytest.fixture
    async def storage(self, tmp_path: Path) -> AsyncIterator[FilesystemStorage]:
        storage = FilesystemStorage(tmp_path / "media")
        yield storage
        assert names(tmp_path / "media" / ".tmp") == []
        await storage.close()


async def test_a_folder_goes_with_its_objects(storage: FilesystemStorage, tmp_path: Path) -> None:
    await storage.write("m/1/720p/00000.m4s", b"x")
    await storage.delete_prefix("m")
    assert names(tmp_path / "media") == [".tmp"]


async def test_ffmpeg_reads_the_file_itself(storage: FilesystemStorage, tmp_path: Path) -> None:
    await storage.write("m/source", b"film")
    path = await storage.path("m/source")
    assert path.is_absolute()
    assert path.read_bytes() == b"film"
    assert await storage.player_url("m/source") is None


async def test_links_do_not_lead_out_of_the_folder(storage: FilesystemStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (tmp_path / "media" / "folder").symlink_to(outside)
    (tmp_path / "media" / "m").mkdir()
    (tmp_path / "media" / "m" / "link").symlink_to(outside / "secret")
    for key in ("folder/secret", "m/link"):
        for call in (storage.read, storage.stat, storage.path, storage.delete):
            with pytest.raises(InvalidRequest):
                await call(key)
    with pytest.raises(InvalidRequest):
        await storage.write("folder/new", b"x")
    assert [found.key async for found in storage.list("m")] == []
    assert await storage.delete_prefix("m") == 1
    assert names(outside) == ["secret"]


async def test_a_root_that_is_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "media").symlink_to(tmp_path / "disk")
    storage = FilesystemStorage(tmp_path / "media")
    await storage.write("m/source", b"x")
    assert (tmp_path / "disk" / "m" / "source").read_bytes() == b"x"
    await storage.close()


@pytest.mark.parametrize("key", [".tmp", ".tmp/x"])
async def test_the_temporary_folder_is_not_a_place_for_objects(storage: FilesystemStorage, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await storage.write(key, b"x")
    with pytest.raises(InvalidRequest):
        await storage.delete_prefix(key)


async def test_a_file_where_a_folder_should_be_is_a_storage_error(storage: FilesystemStorage) -> None:
    await storage.write("m/object", b"x")
    with pytest.raises(StorageError, match="a file is where a folder should be"):
        await storage.write("m/object/below", b"x")
    with pytest.raises(StorageError, match="a folder is in its place"):
        await storage.write("m", b"x")


async def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    file = TempFile(tmp_path / "x")
    file._file = os.open(full, os.O_WRONLY)
    with pytest.raises(OSError) as caught:
        file.append(b"x")
    file.discard()
    assert explain(caught.value) == "the disk is full"


@pytest.mark.parametrize("count", [1, 2, 3, 9])
async def test_a_piece_that_can_not_be_written_is_an_error_whichever_it_is(
    storage: FilesystemStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    written = []

    def append(file: TempFile, data: bytes) -> None:
        written.append(data)
        if len(written) == count:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def arriving() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield bytes(CHUNK_BYTES)

    monkeypatch.setattr(TempFile, "append", append)
    with pytest.raises(StorageError, match="the disk is full"):
        await storage.write("m/source", arriving())
    assert len(written) == count
    assert names(tmp_path / "media") == [".tmp"]
    assert names(tmp_path / "media" / ".tmp") == []


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_a_reader_that_leaves_closes_its_file(storage: FilesystemStorage, pieces: int) -> None:
    await storage.write("m/source", bytes(5 * CHUNK_BYTES))
    before = len(names(Path("/dev/fd")))
    stream = storage.stream("m/source")
    for _ in range(pieces):
        assert await anext(stream) == bytes(CHUNK_BYTES)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):  # unless the piece was there already
        await waiting
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(names(Path("/dev/fd"))) == before


async def test_a_file_that_shrinks_while_it_is_read_ends_there(storage: FilesystemStorage, tmp_path: Path) -> None:
    await storage.write("m/source", bytes(3 * CHUNK_BYTES))
    stream = storage.stream("m/source")
    sizes = [len(await anext(stream))]
    os.truncate(tmp_path / "media" / "m" / "source", CHUNK_BYTES)
    sizes += [len(piece) async for piece in stream]
    assert sum(sizes) <= 2 * CHUNK_BYTES


async def test_a_root_that_went_away_is_an_error_and_not_an_empty_store(tmp_path: Path) -> None:
    storage = FilesystemStorage(tmp_path / "media")
    (tmp_path / "media" / ".tmp").rmdir()
    (tmp_path / "media").rmdir()
    with pytest.raises(StorageError, match="is gone") as caught:
        await storage.read("m/source")
    assert not isinstance(caught.value, ObjectNotFound)
    with pytest.raises(StorageError):
        await storage.write("m/source", b"x")
    assert not (tmp_path / "media").exists()
    await storage.close()


def test_a_root_that_can_not_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be made"):
        FilesystemStorage(tmp_path / "file" / "media")


async def test_knows_of_writes_that_never_ended(storage: FilesystemStorage, tmp_path: Path) -> None:
    temp = tmp_path / "media" / ".tmp"
    (temp / "left").write_bytes(b"half")
    os.utime(temp / "left", (1000, 1000))
    (write,) = [found async for found in storage.unfinished()]
    assert (write.size, write.modified) == (4, 1000)
    await storage.abandon(write)
    await storage.abandon(write)
    assert names(temp) == []


@pytest.mark.parametrize("name", ["../m/source", "..", "m/source"])
async def test_abandons_nothing_but_unfinished_writes(storage: FilesystemStorage, name: str) -> None:
    await storage.write("m/source", b"x")
    with suppress(InvalidRequest):
        await storage.abandon(Unfinished(name, "", None, 0))
    assert await storage.read("m/source") == b"x"


async def test_the_temporary_folder_is_made_again(storage: FilesystemStorage, tmp_path: Path) -> None:
    (tmp_path / "media" / ".tmp").rmdir()
    await storage.write("m/source", b"x")
    assert await storage.read("m/source") == b"x"


async def test_opens_what_the_settings_name(tmp_path: Path) -> None:
    settings = StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "there"))
    storage = open_storage(settings)
    await storage.write("m/source", b"x")
    assert (tmp_path / "there" / "m" / "source").exists()
    await storage.close()


async def test_only_one_writer_at_a_time_lets_an_object_grow(storage: FilesystemStorage, tmp_path: Path) -> None:
    """Whatever became of its lease: a process that awakes must not write into what another goes on with."""
    begun, more = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        yield bytes(CHUNK_BYTES)
        await more.wait()
        yield b"end"

    other = FilesystemStorage(tmp_path / "media")
    await storage.begin("m/source")
    first = asyncio.create_task(storage.append("m/source", 0, slow()))
    await begun.wait()
    with pytest.raises(Conflict, match="Another upload"):
        await asyncio.wait_for(other.append("m/source", CHUNK_BYTES, slow()), 10)
    for call in (other.begin, other.finish):
        with pytest.raises(Conflict, match="Another upload"):
            await call("m/source")
    more.set()
    arrived = await first
    assert await other.append("m/source", arrived, slow()) == 2 * (CHUNK_BYTES + 3)
    await other.finish("m/source")
    assert await storage.read("m/source") == 2 * (bytes(CHUNK_BYTES) + b"end")
    await other.close()


async def test_what_grew_elsewhere_meanwhile_is_not_touched(storage: FilesystemStorage, tmp_path: Path) -> None:
    """Who waited for the file to be free holds the one that has the name now, not the object that it became."""
    path = tmp_path / "file"
    path.write_bytes(b"object")

    class Moved(GrowingFile):
        def _inode(self) -> int:
            if path.read_bytes() == b"object":
                path.replace(tmp_path / "moved")
                path.write_bytes(b"new")
            return super()._inode()

    file = Moved(path)
    file.open()
    file.append(b"er")
    file.close()
    assert ((tmp_path / "moved").read_bytes(), path.read_bytes()) == (b"object", b"newer")


async def test_where_the_file_system_has_no_locks_an_object_grows_all_the_same(
    storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    await storage.begin("m/source")
    await storage.finish("m/source")
    assert await storage.read("m/source") == b""


async def test_nothing_grows_where_no_object_can_be(storage: FilesystemStorage, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        await storage.begin(".tmp/source")
    assert names(tmp_path / "media" / ".tmp") == []
