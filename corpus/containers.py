"""Clocks that do odd things, headers that say what is not so, and files that were cut, encrypted or are none at all."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from corpus.case import Case, Make, whole
from corpus.maker import AAC, X264, Maker, cut, joined

_SIX, _NINE = tuple(map(float, range(6))), tuple(map(float, range(9)))
_LATE = (1.5, 2.5, 3.5, 4.5)


def _recordings(maker: Maker, path: Path, *offsets: float, seconds: float = 3) -> None:
    """Recordings in one file, each on a clock that begins there (seconds)."""
    files = []
    for index, offset in enumerate(offsets):
        file = maker.file(path.suffix)
        maker.film(
            file, "-output_ts_offset", f"{offset}", seconds=seconds, first=round(25 * seconds * index),
            audio=("-c:a", "mp2"),
        )  # fmt: skip
        files.append(file)
    joined(path, *files)


def _shifted(maker: Maker, path: Path, *options: str) -> None:
    maker.film(path, *options)


def _beside(
    maker: Maker, path: Path, video_s: float, seconds: float, *, late: float = 0.0, audio_late: float = 0.0
) -> None:
    """Video and audio of different lengths and beginnings."""
    mute = maker.film(maker.file(".mp4"), seconds=video_s, audio=None)
    audio = maker.audio(maker.file(".flac"), seconds=seconds)
    maker.run(
        "-itsoffset", f"{late}", "-i", mute, "-itsoffset", f"{audio_late}", "-i", audio, "-map", "0:v", "-map", "1:a",
        "-c:v", "copy", "-c:a", "flac" if path.suffix == ".mkv" else "aac", path,
    )  # fmt: skip


def _fragmented(maker: Maker, path: Path, hours: int) -> None:
    """Fragments whose times begin hours in, as a live recorder cuts them out."""
    maker.film(path, "-movflags", "+frag_keyframe+empty_moov+default_base_moof+skip_trailer")
    data, at, scales = bytearray(path.read_bytes()), 0, []
    while (at := data.find(b"mdhd", at + 1)) > 0:
        scales.append(struct.unpack_from(">I", data, at + 16)[0])
    at = 0
    while (at := data.find(b"tfdt", at + 1)) > 0:
        (track,) = struct.unpack_from(">I", data, data.rfind(b"tfhd", 0, at) + 8)
        (time,) = struct.unpack_from(">Q", data, at + 8)
        struct.pack_into(">Q", data, at + 8, time + hours * 3600 * scales[track - 1])
    path.write_bytes(data)


def _gap(maker: Maker, path: Path) -> None:
    """Three seconds in which nothing was received."""
    parts = []
    for first, offset in ((0, 1.0), (75, 7.0)):
        file = maker.file(".ts")
        maker.film(file, "-output_ts_offset", f"{offset}", seconds=3, first=first, audio=("-c:a", "mp2"))
        parts.append(file)
    joined(path, *parts)


def _from(offset: str, *options: str) -> Make:
    return lambda maker, path: _shifted(maker, path, *options, "-output_ts_offset", offset)


CLOCKS = [
    whole("three-recordings.ts", lambda m, p: _recordings(m, p, 0, 0, 0), 9, beeps=False, fast=True),
    whole("clock-goes-back.ts", lambda m, p: _recordings(m, p, 500, 20), beeps=False),
    whole("clock-leaps-an-hour.ts", lambda m, p: _recordings(m, p, 0, 3600), beeps=False),
    Case("two-recordings.mpg", lambda m, p: _recordings(m, p, 0, 0), length=6, verified=False),
    whole("clock-runs-over.ts", _from("95440.7", "-muxdelay", "0")),
    Case("three-seconds-missing.ts", _gap, numbers=range(150), length=9),
    whole("ten-hours-in.ts", _from("36000"), beeps=False),
    whole("ten-hours-in.mkv", _from("36000")),
    whole("ten-hours-in.flv", _from("36000", "-ar", "44100"), beeps=False),
    whole("ten-hours-in.dash.mp4", partial(_fragmented, hours=10)),
    Case("before-zero.mkv", _from("-0.5"), length=6, verified=False),
    Case("video-late.mkv", lambda m, p: _beside(m, p, 4, 6, late=2), length=6, beeps=_SIX),
    Case("video-late.mp4", lambda m, p: _beside(m, p, 4, 6, late=2), length=6, beeps=_SIX),
    Case("audio-late.mkv", lambda m, p: _beside(m, p, 6, 4, audio_late=1.5), length=6, beeps=_LATE),
    Case("audio-late.mp4", lambda m, p: _beside(m, p, 6, 4, audio_late=1.5), length=6, beeps=_LATE),
    Case("audio-goes-on.mkv", lambda m, p: _beside(m, p, 4, 9), length=9, beeps=_NINE),
    Case("audio-goes-on.mp4", lambda m, p: _beside(m, p, 4, 9), length=9, beeps=_NINE, fast=True),
    Case("audio-ends-early.mp4", lambda m, p: _beside(m, p, 9, 4), numbers=range(225), length=9, beeps=_NINE[:4]),
]


def _subtitled(maker: Maker, path: Path, codec: str) -> None:
    """A line of thanks long after the film."""
    lines = maker.file(".srt")
    lines.write_text("1\n00:00:01,000 --> 00:00:02,000\nGood morning\n\n2\n00:03:00,000 --> 00:03:04,000\nThanks\n")
    film = maker.film(maker.file(".mp4"))
    maker.run("-i", film, "-i", lines, "-map", "0", "-map", "1", "-c", "copy", "-c:s", codec, path)


def _chaptered(maker: Maker, path: Path) -> None:
    told = maker.file(".txt")
    told.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=600\ntitle=All\n")
    film = maker.film(maker.file(".mp4"))
    maker.run("-i", film, "-i", told, "-map", "0", "-map_metadata", "1", "-map_chapters", "1", "-c", "copy", path)


def _attached(maker: Maker, path: Path, count: int) -> None:
    font = maker.file(".ttf")
    font.write_bytes(bytes(1500))
    film = maker.film(maker.file(".mp4"))
    attach = [part for _ in range(count) for part in ("-attach", str(font))]
    maker.run("-i", film, "-c", "copy", *attach, "-metadata:s:t", "mimetype=application/x-truetype-font", path)


def _timecoded(maker: Maker, path: Path) -> None:
    film = maker.film(maker.file(".mp4"))
    maker.run("-i", film, "-c", "copy", "-timecode", "10:00:00:00", path)


def _declared(maker: Maker, path: Path, minutes: int) -> None:
    """The header says that the film lasts that long (ISO/IEC 14496-12, 8.2.2)."""
    maker.film(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"mvhd")
    (scale,) = struct.unpack_from(">I", data, at + 16)
    struct.pack_into(">I", data, at + 20, minutes * 60 * scale)
    path.write_bytes(data)


HEADERS = [
    whole("late-subtitle.mkv", partial(_subtitled, codec="srt"), fast=True),
    whole("late-subtitle.mp4", partial(_subtitled, codec="mov_text")),
    whole("long-chapter.mkv", _chaptered),
    whole("long-chapter.mp4", _chaptered),
    whole("hundred-fonts.mkv", partial(_attached, count=100)),
    whole("timecode.mov", _timecoded),
    whole("says-an-hour.mp4", partial(_declared, minutes=60)),
]


def _shortened(
    maker: Maker, path: Path, *options: str, video: Sequence[str] = X264, audio: Sequence[str] = AAC, share: float = 0.6
) -> None:
    """A film of which the upload broke off."""
    maker.film(path, *options, size=(352, 288), video=video, audio=audio)
    cut(path, share)


def _mute(maker: Maker, path: Path, *codec: str) -> None:
    maker.film(path, video=codec, audio=None)


def _raw(name: str, *codec: str, fast: bool = False) -> Case:
    """A stream without a container, and so without times."""
    make = partial(_mute)
    return Case(name, lambda m, p: make(m, p, *codec), numbers=range(150), frames=150, length=6, beeps=(), fast=fast)


def _encrypted(maker: Maker, path: Path) -> None:
    film = maker.film(maker.file(".mp4"))
    key = "00112233445566778899aabbccddeeff"
    scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    maker.run("-i", film, "-c", "copy", *scheme, path)


def _zipped(_maker: Maker, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("film.txt", "no film at all " * 500)


def _bytes(data: bytes) -> Make:
    return lambda _maker, path: path.write_bytes(data)


_FRAGMENTS = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")
_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "500k")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=3")
_MPEG1 = ("-c:v", "mpeg1video", "-b:v", "1M")
_MP2, _MP3, _OPUS = ("-c:a", "mp2"), ("-c:a", "libmp3lame"), ("-c:a", "libopus")
_LIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"

BROKEN = [
    Case("cut-short.mkv", lambda m, p: _shortened(m, p), verified=False),
    Case("cut-short.webm", lambda m, p: _shortened(m, p, video=_VP8, audio=_OPUS), verified=False),
    Case("cut-short.ts", lambda m, p: _shortened(m, p, audio=_MP2), verified=False),
    Case("cut-short.flv", lambda m, p: _shortened(m, p, audio=(*AAC, "-ar", "44100")), verified=False),
    Case("cut-short.avi", lambda m, p: _shortened(m, p, audio=_MP3), verified=False),
    Case("cut-short.mpg", lambda m, p: _shortened(m, p, video=_MPEG1, audio=_MP2), verified=False),
    Case("cut-short-faststart.mp4", lambda m, p: _shortened(m, p, "-movflags", "+faststart"), verified=False),
    Case("cut-short-fragmented.mp4", lambda m, p: _shortened(m, p, *_FRAGMENTS), verified=False),
    Case("cut-short-no-index.mp4", lambda m, p: _shortened(m, p), error="truncated", fast=True),
    _raw("raw.h264", *X264),
    _raw("raw.hevc", *_X265),
    _raw("raw.m2v", "-c:v", "mpeg2video", "-bf", "2", "-b:v", "3M"),
    _raw("raw.ivf", *_VP8),
    Case("encrypted.mp4", _encrypted, error="protected"),
    Case("mute-as-audio.mp4", lambda m, p: _mute(m, p, *X264), "audio", error="no_audio"),
    Case("archive.mp4", _zipped, error="not_media"),
    Case("letter.mp4", _bytes(b"Dear all, the film is not in here.\n" * 400), error="not_media", fast=True),
    Case("page.webm", _bytes(b"<!doctype html><title>404</title>" * 100), error="not_media"),
    Case("zeros.mov", _bytes(bytes(100_000)), error="not_media"),
    Case("list.m3u8", _bytes(_LIST), error="not_media"),
    Case("concat.txt", _bytes(b"ffconcat version 1.0\nfile /etc/passwd\n"), error="not_media"),
]

CONTAINERS = [*CLOCKS, *HEADERS, *BROKEN]
