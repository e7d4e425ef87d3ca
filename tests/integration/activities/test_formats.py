"""Containers and codecs that people send, under a name that tells nothing: each is opened, and all frames are there."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from gilfoyle.errors import UnsupportedMedia
from tests.integration.activities.pipeline import Pipeline, packets
from tests.sources import FFMPEG, numbered, run

MPEG2 = ["-c:v", "mpeg2video", "-q:v", "2"]
FILMS = {
    "nut": ["-c:v", "mpeg4", "-q:v", "2", "-f", "nut"],
    "wtv": [*MPEG2, "-c:a", "mp2", "-f", "wtv"],
    "mjpeg": ["-c:v", "mjpeg", "-q:v", "2", "-bf", "0", "-an", "-f", "mjpeg"],
    "mpjpeg": ["-c:v", "mjpeg", "-q:v", "2", "-bf", "0", "-an", "-f", "mpjpeg"],
    "y4m": ["-c:v", "wrapped_avframe", "-an", "-f", "yuv4mpegpipe"],
    "av1": ["-c:v", "libaom-av1", "-cpu-used", "8", "-an", "-f", "obu"],
    "mpeg2": [*MPEG2, "-an", "-f", "mpeg2video"],
    "3gp": ["-c:v", "mpeg4", "-q:v", "2", "-ar", "44100", "-f", "3gp"],
    "avi": ["-c:v", "mpeg4", "-q:v", "2", "-bf", "0", "-c:a", "libmp3lame", "-f", "avi"],
    "flv": ["-c:v", "flv", "-q:v", "2", "-bf", "0", "-ar", "44100", "-c:a", "libmp3lame", "-f", "flv"],
    "ogv": ["-c:v", "libtheora", "-q:v", "9", "-c:a", "libvorbis", "-f", "ogg"],
    "vob": [*MPEG2, "-c:a", "ac3", "-f", "vob"],
}
# Of cameras and broadcasters; the frame rates and sizes are theirs.
BROADCAST = {
    "mxf": ["-c:v", "mpeg2video", "-q:v", "2", "-c:a", "pcm_s16le", "-f", "mxf"],
    "dv": ["-c:v", "dvvideo", "-bf", "0", "-an", "-f", "dv"],
}
SONGS = {
    "wv": [], "tta": [], "au": [], "voc": [], "mlp": ["-strict", "-2", "-f", "mlp"], "caf": [], "w64": [], "aiff": [],
    "thd": ["-strict", "-2", "-f", "truehd"], "dts": ["-c:a", "dca", "-strict", "-2"],
    "loas": ["-c:a", "aac", "-f", "latm"],
    "ac3": [], "eac3": [], "adts": ["-f", "adts"], "mka": ["-c:a", "flac", "-f", "matroska"],
    "rf64": ["-f", "wav", "-rf64", "always"],
    "opus": [], "oga": [], "wma": ["-f", "asf"], "amr": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"],
}  # fmt: skip


def in_order(pipeline: Pipeline) -> list[int]:
    """The frames in their order, each once: how long one is shown is another matter (test_frames.py)."""
    (shown,) = pipeline.numbers().values()
    return list(dict.fromkeys(shown))


@pytest.mark.parametrize("name", FILMS)
async def test_a_film(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.process(numbered(tmp_path / "upload", "25", 50, options=FILMS[name]))
    assert in_order(lowest) == list(range(50))


@pytest.mark.parametrize("name", BROADCAST)
async def test_a_broadcasters_film(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.process(numbered(tmp_path / "upload", "25", 50, size=(720, 576), options=BROADCAST[name]))
    assert in_order(lowest) == list(range(50))


@pytest.mark.parametrize("name", SONGS)
async def test_a_song(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    made = tmp_path / f"song.{name}"
    tone = ["-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000:duration=3", "-ac", "2"]
    run(FFMPEG, "-v", "error", "-y", *tone, *SONGS[name], str(made))
    await lowest.process(made)
    assert lowest.video == []
    assert float(packets(lowest.playlist("audio-64k"))[-1][1]) == pytest.approx(3, abs=0.06)


DSD_RATE, SILENCE = 2_822_400, b"\x69"


def dsf() -> bytes:
    """Direct Stream Digital as Sony writes it: three seconds of stereo, in blocks of 4096 bytes a channel."""
    data = SILENCE * (3 * DSD_RATE // 8 // 4096 * 4096 * 2)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, 2, DSD_RATE, 1, len(data) * 4, 4096, 0)
    rest = form + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(rest), 0) + rest


def dsdiff() -> bytes:
    """… and as Philips does."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">Q", len(body)) + body + bytes(len(body) % 2)

    channels = chunk(b"CHNL", struct.pack(">H", 2) + b"SLFTSRGT")
    rate, coding = chunk(b"FS  ", struct.pack(">I", DSD_RATE)), chunk(b"CMPR", b"DSD \x0enot compressed\0")
    properties = chunk(b"PROP", b"SND " + rate + channels + coding)
    version, data = chunk(b"FVER", b"\1\5\0\0"), chunk(b"DSD ", SILENCE * (3 * DSD_RATE // 8 * 2))
    return chunk(b"FRM8", b"DSD " + version + properties + data)


@pytest.mark.parametrize("made", [dsf, dsdiff])
async def test_a_song_in_one_bit(made: Callable[[], bytes], lowest: Pipeline, tmp_path: Path) -> None:
    source = tmp_path / "song"
    source.write_bytes(made())
    await lowest.process(source)
    assert float(packets(lowest.playlist("audio-64k"))[-1][1]) == pytest.approx(3, abs=0.06)


@pytest.mark.parametrize(("name", "options"), [("film.swf", ["-c:v", "flv"]), ("film.film_cpk", ["-c:v", "cinepak"])])
async def test_a_film_of_a_kind_that_is_not_taken(
    name: str, options: list[str], lowest: Pipeline, tmp_path: Path
) -> None:
    source = tmp_path / name
    drawn = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=1", "-f", source.suffix[1:]]
    run(FFMPEG, "-v", "error", "-y", *drawn[:4], *options, *drawn[4:], str(source))
    with pytest.raises(UnsupportedMedia, match="MP4") as refused:
        await lowest.probe(source)
    assert refused.value.reason == "unsupported_format"
