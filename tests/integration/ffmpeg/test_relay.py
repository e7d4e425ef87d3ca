"""What ffmpeg is given of an object that is no file: all of it, or an end by force."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.ffmpeg.encode import encode
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.ffmpeg.source import Source, opened
from gilfoyle.media.reading import reading_options
from gilfoyle.storage import FilesystemStorage
from tests.sources import FFMPEG, FFPROBE, numbered

FILM_S = 12


class Elsewhere(FilesystemStorage):
    """Files that only the storage can open, and which it stops giving out at a byte."""

    breaks_at: int | None = None

    async def path(self, key: str) -> Path:
        return None  # type: ignore[return-value]

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        async for piece in super().stream(key, start, end):
            if self.breaks_at is not None and start + len(piece) > self.breaks_at:
                raise StorageError("The object can't be read: the service can't be reached.")
            start += len(piece)
            yield piece


@pytest.fixture
def storage(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path / "media")


@pytest.fixture
async def source(storage: Elsewhere) -> AsyncIterator[Source]:
    await storage.write("m/source", bytes(range(256)) * 20_000)
    async with opened(storage, "m/source") as source:
        yield source


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    """Its index lies at the end; some 8 MB."""
    options = ["-crf", "12", "-movflags", "0"]
    return numbered(
        tmp_path / "film.mp4", "30", 30 * FILM_S, filters="noise=alls=60:allf=t", options=options
    ).read_bytes()


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        (None, 200, 0, 5_120_000),
        ("bytes=0-", 206, 0, 5_120_000),
        ("bytes=1048575-1048577", 206, 1_048_575, 1_048_578),
        ("bytes=5119999-", 206, 5_119_999, 5_120_000),
        ("bytes=5000000-9999999", 206, 5_000_000, 5_120_000),
        ("bytes=5120000-", 416, 0, 0),
        ("bytes=7-5", 416, 0, 0),
    ],
)
async def test_ranges_are_answered(source: Source, asked: str | None, status: int, start: int, end: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(source.place, headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    assert answer.content == (bytes(range(256)) * 20_000)[start:end]
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/5120000"


async def test_nobody_else_finds_it(source: Source) -> None:
    """Other users of the machine see the port, not the path."""
    base = source.place.rpartition("/")[0]
    async with httpx.AsyncClient() as client:
        for path in ("/", "/source", "/../source", f"/{'0' * 32}"):
            assert (await client.get(base + path)).status_code == 404
        assert (await client.post(source.place)).status_code == 404
        assert (await client.head(source.place)).headers["content-length"] == "5120000"


async def test_nonsense_is_cut_off(source: Source) -> None:
    assert source.port
    for sent in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"x" * 100_000, b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", source.port)
        writer.write(sent)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < 1000
        writer.close()
    source.check()


async def test_it_is_gone_after_the_block(storage: Elsewhere) -> None:
    await storage.write("m/source", b"film")
    async with opened(storage, "m/source") as source:
        pass
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as client:
            await client.get(source.place)


async def test_a_file_needs_none(tmp_path: Path) -> None:
    storage = FilesystemStorage(tmp_path / "media")
    await storage.write("m/source", b"film")
    async with opened(storage, "m/source") as source:
        assert source.place == str(tmp_path / "media/m/source") and source.port is None


async def test_what_is_not_there_is_not_found(storage: Elsewhere) -> None:
    with pytest.raises(ObjectNotFound):
        async with opened(storage, "m/source"):
            pass


async def frames_of(storage: Elsewhere, *seek: str) -> tuple[int, bytes]:
    """How many frames ffmpeg decodes, and what a consumer was given of its output."""
    taken = bytearray()

    async def take(reader: asyncio.StreamReader) -> None:
        while data := await reader.read(1 << 16):
            taken.extend(data)
        taken.extend(b"end")

    async with opened(storage, "m/source") as source:
        reading = [*reading_options(source.place), "-i", source.place]

        def build(pipes: object) -> list[str]:
            (pipe,) = pipes  # type: ignore[misc]
            return [FFMPEG, "-v", "error", "-nostdin", *seek, *reading, "-map", "0:v", "-f", "framecrc", f"pipe:{pipe}"]

        await encode(build, [take], lambda _: None, memory_mb=4096, stall_s=60, nice=0, source=source)
    return taken.count(b"\n0,"), bytes(taken)


async def test_a_film_is_decoded_whole(storage: Elsewhere, film: bytes) -> None:
    await storage.write("m/source", film)
    assert (await frames_of(storage))[0] == 30 * FILM_S
    assert (await frames_of(storage, "-ss", "6"))[0] == 30 * FILM_S // 2


async def test_a_storage_that_gives_up_midway_is_never_the_end_of_a_film(storage: Elsewhere, film: bytes) -> None:
    """ffmpeg is killed before it takes the break for the end: no frame is repeated, no end is told."""
    await storage.write("m/source", film)
    taken: list[bytes] = []
    with pytest.raises(StorageError, match="can't be reached"):
        storage.breaks_at = len(film) * 2 // 3
        # What lies beyond the break is read first: the index.
        real = storage.stream

        async def all_but_the_middle(key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
            storage.breaks_at = None if start > len(film) * 9 // 10 else len(film) * 2 // 3
            async for piece in real(key, start, end):
                yield piece

        storage.stream = all_but_the_middle  # type: ignore[method-assign]

        async def take(reader: asyncio.StreamReader) -> None:
            while data := await reader.read(1 << 16):
                taken.append(data)
            taken.append(b"end")

        async with opened(storage, "m/source") as source:
            command = [FFMPEG, "-v", "error", "-nostdin", *reading_options(source.place), "-i", source.place]
            await encode(
                lambda pipes: [*command, "-map", "0:v", "-f", "framecrc", f"pipe:{pipes[0]}"],
                [take], lambda _: None, memory_mb=4096, stall_s=60, nice=0, source=source,
            )  # fmt: skip
    said = b"".join(taken)
    assert 0 < said.count(b"\n0,") < 30 * FILM_S and not said.endswith(b"end")


async def test_a_probe_of_half_a_file_is_no_probe(storage: Elsewhere, film: bytes) -> None:
    """To ffprobe it would be a film whose index is missing, for which an upload is refused."""
    await storage.write("m/source", film)
    storage.breaks_at = len(film) // 2
    async with opened(storage, "m/source") as source:
        command = [FFPROBE, "-v", "error", *reading_options(source.place), source.place]
        for _ in range(2):  # the second is not even begun
            with pytest.raises(StorageError, match="can't be reached"):
                await capture(command, timeout_s=20, memory_mb=2048, source=source)


async def test_an_empty_object_is_no_fault_of_the_storage(storage: Elsewhere) -> None:
    await storage.write("m/source", b"")
    async with opened(storage, "m/source") as source:
        command = [FFPROBE, "-v", "error", *reading_options(source.place), source.place]
        with pytest.raises(ProcessFailed) as failed:
            await capture(command, timeout_s=20, memory_mb=2048, source=source)
    assert "127.0.0.1" not in failed.value.tail
