"""Files that are no medias, or try to be more than one: refused with a reason, and nothing else is read."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gilfoyle.errors import EncodeFailed, UnsupportedMedia
from tests.integration.activities.pipeline import Pipeline
from tests.processes import program
from tests.sources import FFMPEG, FFPROBE, numbered, run

Maker = Callable[[Path], bytes]


def film(folder: Path, *options: str) -> bytes:
    return numbered(folder / "film.mp4", "30", 200, options=options).read_bytes()


def without_moov(folder: Path) -> bytes:
    """A recorder that was switched off: the index is written last, and wasn't."""
    data = film(folder)
    return data[: data.index(b"moov") - 4]


def huge(folder: Path) -> bytes:
    """A frame of 8,194 × 32 pixels."""
    return film(folder, "-vf", "scale=8194:32")


def misdeclared(folder: Path, width: int, height: int) -> bytes:
    """The sample entry claims another size than the stream has."""
    data = bytearray(film(folder))
    at = data.index(b"avc1", data.index(b"stsd")) + 4 + 24
    assert struct.unpack_from(">HH", data, at) == (320, 180)
    struct.pack_into(">HH", data, at, width, height)
    return bytes(data)


def lying(folder: Path) -> bytes:
    """Its index promises 16 million samples."""
    data = bytearray(film(folder))
    struct.pack_into(">I", data, data.index(b"stsz") + 12, 0x00FFFFFF)
    return bytes(data)


def begun(head: bytes) -> Maker:
    """A file that begins like a film, and goes on like nothing."""
    return lambda _: head + random.Random(3).randbytes(50_000)


def subtitles(folder: Path) -> bytes:
    text = folder / "lines.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    run(FFMPEG, "-v", "error", "-y", "-i", str(text), "-c:s", "mov_text", str(folder / "lines.mp4"))
    return (folder / "lines.mp4").read_bytes()


def many_streams(folder: Path) -> bytes:
    path = folder / "many.mkv"
    maps = [word for _ in range(70) for word in ("-map", "0:a")]
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=1", *maps, "-c:a", "pcm_s16le", str(path))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        pytest.param("not_media", lambda _: b"", id="empty"),
        pytest.param("not_media", lambda _: b"just a line of text\n" * 100, id="text"),
        pytest.param("not_media", lambda _: b"<!doctype html><title>404</title>", id="html"),
        pytest.param("not_media", lambda _: b"PK\x03\x04" + b"\0" * 5000, id="zip"),
        pytest.param("not_media", lambda _: bytes(100_000), id="zeros"),
        pytest.param("truncated", without_moov, id="without-moov"),
        pytest.param("truncated", begun(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"), id="mp4-of-noise"),
        pytest.param("damaged", begun(b"\x1aE\xdf\xa3\x9fB\x86\x81\1"), id="matroska-of-noise"),
        pytest.param("frame_too_large", huge, id="huge"),
        pytest.param("no_streams", subtitles, id="subtitles"),
        pytest.param("too_many_streams", many_streams, id="many-streams"),
    ],
)
async def test_refused(reason: str, make: Maker, lowest: Pipeline, tmp_path: Path) -> None:
    source = tmp_path / "upload.mp4"
    source.write_bytes(make(tmp_path))
    with pytest.raises(UnsupportedMedia) as refused:
        await asyncio.wait_for(lowest.probe(source), 20)
    assert refused.value.reason == reason
    assert str(tmp_path) not in refused.value.message and str(lowest.media_id) not in refused.value.message


@pytest.mark.parametrize(("width", "height"), [(0, 0), (32, 18), (16_000, 9_000), (48_000, 27_000)])
async def test_a_declared_size_is_not_believed(width: int, height: int, lowest: Pipeline, tmp_path: Path) -> None:
    source = tmp_path / "upload.mp4"
    source.write_bytes(misdeclared(tmp_path, width, height))
    packaged = await lowest.process(source)
    assert lowest.info.video and (lowest.info.video.width, lowest.info.video.height) == (320, 180)
    assert packaged.playable and packaged.progress == 1


async def test_of_a_film_whose_video_can_not_be_found_the_audio_plays(lowest: Pipeline, tmp_path: Path) -> None:
    """Its index promises more of them than the file has bytes."""
    (tmp_path / "upload.mp4").write_bytes(lying(tmp_path))
    packaged = await lowest.process(tmp_path / "upload.mp4")
    assert packaged.playable and not lowest.video and lowest.audio
    assert [warning.code for warning in lowest.info.warnings] == ["video_undecodable"]


@pytest.mark.parametrize("seed", range(4))
async def test_random_bytes(seed: int, lowest: Pipeline, tmp_path: Path) -> None:
    """ffmpeg takes nearly anything for MP3 or raw streams: what is not refused fails as an encode, or plays."""
    source = tmp_path / "upload.mp4"
    source.write_bytes(random.Random(seed).randbytes(200_000))
    try:
        await asyncio.wait_for(lowest.process(source), 30)
    except (UnsupportedMedia, EncodeFailed):
        assert not lowest.folder.exists() or not list(lowest.folder.glob("master.m3u8"))


@pytest.fixture
def secret(ordinary: Path, tmp_path: Path) -> Path:
    """A film that lies beside: it must not be read through another file."""
    return Path(shutil.copyfile(ordinary, tmp_path / "secret.mp4"))


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A socket that nobody should connect to: its port, and afterwards who did."""
    callers: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1], callers
        try:
            while True:
                connection, address = server.accept()
                connection.close()
                callers.append(str(address))
        except BlockingIOError:
            pass


SCRIPTS = {
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
    "master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
    "key": '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:2,\nx.ts\n',
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=control:{target}\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><image href="{target}"/></svg>',
    "pattern": "{target}/%03d.png\n",
    "vobsub": "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n"
    "timestamp: 00:00:01:000, filepos: 0\n# {target}\n",
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>'
    "{target}</Id></CompositionPlaylist>",
    "pls": "[playlist]\nFile1={target}\n",
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("target", ["file:///etc/passwd", "secret", "url"])
async def test_scripts_are_not_followed(
    script: str, target: str, secret: Path, lowest: Pipeline, tmp_path: Path
) -> None:
    source = tmp_path / "upload.mp4"
    with listening() as (port, callers):
        places = {"secret": str(secret), "url": f"http://127.0.0.1:{port}/film.ts"}
        source.write_text(SCRIPTS[script].format(target=places.get(target, target)))
        accessed = secret.stat().st_atime_ns
        with pytest.raises(UnsupportedMedia) as refused:
            await asyncio.wait_for(lowest.probe(source), 20)
    assert refused.value.reason == ("still_image" if script == "svg" else "not_media")
    assert callers == []
    assert secret.stat().st_atime_ns == accessed


@pytest.mark.parametrize(("script", "form"), [("playlist", "hls"), ("concat", "concat")])
def test_the_traps_would_catch(script: str, form: str, tmp_path: Path) -> None:
    """A tool without whitelists does follow them."""
    source = tmp_path / "upload.mp4"
    with listening() as (port, callers):
        source.write_text(SCRIPTS[script].format(target=f"http://127.0.0.1:{port}/film.ts"))
        loose = [
            FFPROBE,
            "-f",
            form,
            *(["-safe", "0"] if form == "concat" else []),
            "-protocol_whitelist",
            "file,http,tcp",
        ]
        with program([*loose, source], stderr=subprocess.DEVNULL) as probing, suppress(subprocess.TimeoutExpired):
            probing.wait(1)
    assert callers


async def test_a_reference_inside_a_film_is_not_followed(secret: Path, lowest: Pipeline, tmp_path: Path) -> None:
    """QuickTime's data references name other files."""
    data = bytearray(film(tmp_path))
    start = data.index(b"dref") - 4
    entry = data.index(b"url ", start)
    # `url ` with the flag "in this file" becomes an alias that names another one.
    data[entry : entry + 8] = b"alis\0\0\0\0"
    source = tmp_path / "upload.mov"
    source.write_bytes(data)
    try:
        await asyncio.wait_for(lowest.process(source), 30)
    except (UnsupportedMedia, EncodeFailed):
        return
    assert lowest.numbers() == {"90p": list(range(200))}  # the film's own frames, then


async def test_frame_data_in_the_middle_that_is_damaged(lowest: Pipeline, tmp_path: Path) -> None:
    """It is encoded with as many frames as it should have, or it fails cleanly; here it is encoded."""
    data = bytearray(film(tmp_path, "-movflags", "+faststart"))
    middle = len(data) * 2 // 3
    data[middle : middle + 3000] = bytes(range(250)) * 12
    source = tmp_path / "upload.mp4"
    source.write_bytes(data)
    await asyncio.wait_for(lowest.process(source), 60)
    (frames,) = lowest.numbers().values()
    assert len(frames) == 200
    assert frames[:50] == list(range(50))


async def test_a_source_that_is_gone_is_said_to_be(lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.probe(numbered(tmp_path / "film.mp4", "30", 60))
    (lowest.root / str(lowest.media_id) / "source").write_bytes(b"")
    with pytest.raises(EncodeFailed) as failed:
        await lowest.encode()
    assert str(tmp_path) not in failed.value.message


async def test_an_encode_never_names_the_sources_place(lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.probe(numbered(tmp_path / "film.mp4", "30", 60))
    (lowest.root / str(lowest.media_id) / "source").write_bytes(b"no longer a film" * 100)
    with pytest.raises(EncodeFailed) as failed:
        await lowest.encode()
    assert str(lowest.root) not in failed.value.message
    assert "Invalid data" in failed.value.log and str(lowest.root) not in failed.value.log
