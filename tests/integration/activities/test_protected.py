"""Encrypted files are refused in words that say so; of a file that is encrypted in part, the rest plays."""

from __future__ import annotations

import asyncio
import random
import re
import struct
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from gilfoyle.errors import EncodeFailed, UnsupportedMedia
from tests.integration.activities.pipeline import Pipeline
from tests.sources import FFMPEG, numbered, run

Maker = Callable[[Path], Path]
CENC = [
    "-encryption_scheme", "cenc-aes-ctr",
    "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8",
]  # fmt: skip


def film(folder: Path) -> Path:
    return numbered(folder / "film.mp4", "25", 50)


def cenc(*options: str) -> Maker:
    """Common encryption (ISO/IEC 23001-7) of all tracks."""

    def make(folder: Path) -> Path:
        path = folder / "cenc.mp4"
        run(FFMPEG, "-v", "error", "-y", "-i", str(film(folder)), "-c", "copy", *CENC, *options, str(path))
        return path

    return make


def tagged(**tags: bytes) -> Maker:
    """Sample entries called otherwise, as those of encrypted tracks are."""

    def make(folder: Path) -> Path:
        path = film(folder)
        data = path.read_bytes()
        for tag, new in tags.items():
            assert data.count(tag.encode() + bytes(4)) == 1
            data = data.replace(tag.encode() + bytes(4), new + bytes(4))
        path.write_bytes(data)
        return path

    return make


def element(number: int, *payload: bytes) -> bytes:
    """An EBML element with a size of one byte."""
    body = b"".join(payload)
    head = number.to_bytes(-(-number.bit_length() // 8), "big")
    return head + bytes([0x80 | len(body)]) + body


def matroska(folder: Path, *options: str) -> Path:
    """A track's name, replaced by a ContentEncryption of the same length (AES, as WebM has it)."""
    name = b"N" * 60
    path = folder / "film.mkv"
    label = ["-metadata:s:v", f"title={name.decode()}", "-write_crc32", "0"]
    run(FFMPEG, "-v", "error", "-y", "-i", str(film(folder)), "-c", "copy", *label, *options, str(path))
    data = path.read_bytes()
    old = element(0x536E, name)
    encryption = element(0x5035, element(0x47E1, b"\x05"), element(0x47E2, b"k" * 16))
    new = element(0x6D80, element(0x6240, element(0x5033, b"\x01"), encryption))
    new += element(0xEC, bytes(len(old) - len(new) - 2))
    assert data.count(old) == 1 and len(new) == len(old)
    path.write_bytes(data.replace(old, new))
    return path


def asf(folder: Path) -> Path:
    """Windows Media: the description object, replaced by that of the encryption."""
    path = folder / "film.wmv"
    made = ["-c:v", "wmv2", "-c:a", "wmav2", "-metadata", "title=" + "T" * 60]
    run(FFMPEG, "-v", "error", "-y", "-i", str(film(folder)), *made, str(path))
    data = bytearray(path.read_bytes())
    at = data.index(UUID("75b22633-668e-11cf-a6d9-00aa0062ce6c").bytes_le)
    size = struct.unpack_from("<Q", data, at + 16)[0]
    parts = [b"secret", b"DRM\0", b"key\0"]
    body = b"".join(struct.pack("<I", len(part)) + part for part in parts)
    rest = size - 24 - len(body) - 4
    body += struct.pack("<I", rest) + b"u" * rest
    data[at : at + size] = UUID("2211b3fb-bd23-11d2-b4b7-00a0c955fc6e").bytes_le + struct.pack("<Q", size) + body
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(cenc(), id="cenc"),
        pytest.param(cenc("-movflags", "+frag_keyframe+empty_moov"), id="cenc-fragmented"),
        pytest.param(cenc("-an"), id="cenc-silent"),
        pytest.param(cenc("-vn"), id="cenc-audio"),
        pytest.param(tagged(avc1=b"encv", mp4a=b"enca"), id="encv-enca"),
        pytest.param(tagged(avc1=b"drmi", mp4a=b"drms"), id="fairplay"),
        pytest.param(lambda folder: matroska(folder, "-an"), id="webm"),
        pytest.param(asf, id="asf"),
    ],
)
async def test_encrypted(make: Maker, lowest: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match="encrypted") as refused:
        await asyncio.wait_for(lowest.probe(make(tmp_path)), 20)
    assert refused.value.reason == "protected"


async def test_a_song_from_an_audio_book_shop(lowest: Pipeline, tmp_path: Path) -> None:
    """Audible's AAX."""
    source = tmp_path / "book.m4b"
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=2", str(source))
    source.write_bytes(source.read_bytes().replace(b"mp4a\0\0\0\0", b"aavd\0\0\0\0"))
    with pytest.raises(UnsupportedMedia) as refused:
        await lowest.probe(source)
    assert refused.value.reason == "protected"


@pytest.mark.parametrize(
    ("make", "video", "audio"),
    [
        pytest.param(tagged(mp4a=b"enca"), ["90p"], [], id="audio"),
        pytest.param(tagged(avc1=b"encv"), [], ["audio-64k"], id="video"),
        pytest.param(matroska, [], ["audio-64k"], id="video-matroska"),
    ],
)
async def test_what_is_not_encrypted_plays(
    make: Maker, video: list[str], audio: list[str], lowest: Pipeline, tmp_path: Path
) -> None:
    packaged = await lowest.process(make(tmp_path))
    assert packaged.playable and (lowest.video, lowest.audio) == (video, audio)
    assert [warning.code for warning in lowest.info.warnings] == ["partly_protected"]
    assert all(numbers == list(range(50)) for numbers in lowest.numbers().values())


async def test_one_of_two_languages_that_is_encrypted_is_left_out(lowest: Pipeline, tmp_path: Path) -> None:
    source = tmp_path / "two.mp4"
    second = ["-f", "lavfi", "-i", "sine=frequency=900:duration=2", "-map", "0", "-map", "1", "-c:v", "copy"]
    run(FFMPEG, "-v", "error", "-y", "-i", str(film(tmp_path)), *second, "-c:a", "aac", str(source))
    data = source.read_bytes()
    at = data.rindex(b"mp4a\0\0\0\0")
    source.write_bytes(data[:at] + b"enca" + data[at + 4 :])
    await lowest.probe(source)
    assert len(lowest.info.audio) == 1
    (warning,) = lowest.info.warnings
    assert (warning.code, "left out" in warning.message) == ("partly_protected", True)


def scrambled(path: Path, *pids: int) -> Path:
    """A transport stream with the payload of these PIDs scrambled, with random bytes for a cipher."""
    data = bytearray(path.read_bytes())
    noise = random.Random(1)
    for at in range(0, len(data), 188):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] in pids:
            start = at + 4 + (data[at + 4] + 1 if data[at + 3] & 0x20 else 0)
            data[at + 3] |= 0x80
            data[start : at + 188] = noise.randbytes(at + 188 - start)
    path.write_bytes(data)
    return path


VIDEO, AUDIO = 0x100, 0x101


@pytest.mark.parametrize("size", [None, 192])
async def test_a_scrambled_broadcast(size: int | None, lowest: Pipeline, tmp_path: Path) -> None:
    """As a receiver without its card records it; also with four bytes before each packet (M2TS)."""
    source = scrambled(numbered(tmp_path / "film.ts", "25", 50), VIDEO, AUDIO)
    data = source.read_bytes()
    if size:
        source.write_bytes(b"".join(bytes(4) + data[at : at + 188] for at in range(0, len(data), 188)))
    with pytest.raises(UnsupportedMedia, match="encrypted") as refused:
        await lowest.probe(source)
    assert refused.value.reason == "protected"


@pytest.mark.parametrize(("pid", "video", "audio"), [(AUDIO, ["90p"], []), (VIDEO, [], ["audio-64k"])])
async def test_a_broadcast_that_is_scrambled_in_part(
    pid: int, video: list[str], audio: list[str], lowest: Pipeline, tmp_path: Path
) -> None:
    packaged = await lowest.process(scrambled(numbered(tmp_path / "film.ts", "25", 50), pid))
    assert packaged.playable and (lowest.video, lowest.audio) == (video, audio)
    assert [warning.code for warning in lowest.info.warnings] == ["partly_protected"]


async def test_a_scrambled_disc(lowest: Pipeline, tmp_path: Path) -> None:
    """CSS: one packet in two."""
    source = numbered(tmp_path / "film.vob", "25", 50, options=["-c:v", "mpeg2video", "-c:a", "ac3", "-f", "vob"])
    data = bytearray(source.read_bytes())
    found = [match.start() for match in re.finditer(rb"\x00\x00\x01[\xbd\xc0\xe0]", data)]
    for at in found[::2]:
        data[at + 6] |= 0x10
        end = at + 6 + int.from_bytes(data[at + 4 : at + 6], "big")
        data[at + 40 : end] = random.Random(at).randbytes(max(0, end - at - 40))
    source.write_bytes(data)
    with pytest.raises(UnsupportedMedia, match="encrypted"):
        await lowest.probe(source)


async def test_noise_is_no_media(lowest: Pipeline, tmp_path: Path) -> None:
    """What HLS encrypts as a whole looks like nothing: it can't be told from noise."""
    source = tmp_path / "segment.ts"
    source.write_bytes(b"\x01" + random.Random(7).randbytes(300_000))
    with pytest.raises((UnsupportedMedia, EncodeFailed)):
        await asyncio.wait_for(lowest.process(source), 30)
