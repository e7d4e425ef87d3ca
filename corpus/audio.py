"""Audio of every rate, codec, container and layout; what changes in it midway; songs and what comes beside them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from corpus.case import Case, heard, whole
from corpus.maker import AAC, Maker, cut, joined, shown

_SECONDS = tuple(map(float, range(9)))


def _alone(maker: Maker, path: Path, *options: str, rate: int = 48_000, channels: int = 1) -> None:
    maker.audio(path, *options, rate=rate, channels=channels)


def _case(
    name: str, *options: str, rate: int = 48_000, channels: int = 1, late: float = 0.0, fast: bool = False
) -> Case:
    """Nine seconds of audio only: more than two passes."""
    return heard(name, lambda m, p: _alone(m, p, *options, rate=rate, channels=channels), late=late, fast=fast)


def _film(name: str, *codec: str, rate: int = 48_000, filters: str = "", late: float = 0.0, fast: bool = False) -> Case:
    """Nine seconds of video with that audio."""

    def make(maker: Maker, path: Path) -> None:
        maker.film(path, seconds=9, audio=codec, audio_rate=rate, audio_filters=filters)

    return replace(whole(name, make, 9, fast=fast), beeps=tuple(second + late for second in range(9)))


RATES = [
    _case("rate-8000-alaw.wav", "-c:a", "pcm_alaw", rate=8000),
    _case("rate-12000.aiff", rate=12_000),
    _case("rate-11025.caf", "-c:a", "pcm_s16be", rate=11_025),
    _case("rate-16000-adpcm.wav", "-c:a", "adpcm_ms", rate=16_000),
    _case("rate-22050.mp3", rate=22_050),
    _case("rate-24000-mpeg2.mp2", rate=24_000, late=481 / 24_000),
    _case("rate-32000.ogg", "-c:a", "libvorbis", rate=32_000),
    _case("rate-44100.m4a", *AAC, rate=44_100, fast=True),
    _case("rate-88200-alac.m4a", "-c:a", "alac", rate=88_200),
    _case("rate-192000.flac", rate=192_000),
    _case("rate-44100-w64.w64", rate=44_100),
    replace(_case("rate-22050.wma", "-c:a", "wmav2", rate=22_050), beeps=None),
    _case("rate-48000-24bit.wav", "-c:a", "pcm_s24le", channels=2),
    _case("rate-96000-float.wav", "-c:a", "pcm_f32le", rate=96_000),
    _case("rate-44100.aac", *AAC, rate=44_100, late=1024 / 44_100),
    _case("rate-48000.opus", "-c:a", "libopus"),
    _case("rate-32000.ac3", "-c:a", "ac3", rate=32_000, channels=2),
    _case("rate-44100.eac3", "-c:a", "eac3", rate=44_100, channels=2),
    _film("rate-11025.mov", "-c:a", "pcm_s16le", rate=11_025),
    _film("rate-16000.avi", "-c:a", "libmp3lame", rate=16_000, late=1105 / 16_000),
    _film("rate-22050.flv", *AAC, rate=22_050),
    _film("rate-24000.mp4", *AAC, rate=24_000),
    _film("rate-32000.mkv", "-c:a", "ac3", rate=32_000),
    _film("rate-32000.ts", "-c:a", "mp2", rate=32_000),
    _film("rate-44100.mkv", "-c:a", "libvorbis", rate=44_100),
    replace(_film("rate-44100.asf", "-c:a", "wmav2", rate=44_100), beeps=None),
    _film("rate-88200.mkv", "-c:a", "flac", rate=88_200),
    _film("rate-96000.mp4", "-c:a", "alac", rate=96_000),
    _film("rate-192000.mov", "-c:a", "pcm_s24le", rate=192_000),
    _film("rate-48000-ulaw.mkv", "-c:a", "pcm_mulaw", rate=8000),
]


_CHANNELS = {"3.0": 3, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8, "2.1": 3, "hexadecagonal": 16, "5.1.2": 8}


def _layout(name: str, layout: str, *codec: str, fast: bool = False) -> Case:
    """A beep in every channel of that layout."""
    return _film(name, *codec, filters=_in_all(layout, _CHANNELS[layout]), fast=fast)


def _in_all(layout: str, channels: int) -> str:
    return f"pan={layout}|" + "|".join(f"c{number}=c0" for number in range(channels))


def _unnamed(maker: Maker, path: Path, channels: int) -> None:
    """Channels without positions, as a recorder with many inputs writes them."""
    raw = maker.file(".wav")
    maker.run(*maker.beeps(9, 16_000, channels), "-c:a", "pcm_s16le", raw)
    data = bytearray(raw.read_bytes())
    at = data.index(b"fmt ")
    if struct.unpack_from("<H", data, at + 8)[0] == 0xFFFE:  # WAVE_FORMAT_EXTENSIBLE: no speaker is named
        struct.pack_into("<I", data, at + 28, 0)
    path.write_bytes(data)


def _tracks(maker: Maker, path: Path, count: int) -> None:
    """Each channel as a track of its own; the beep is in the last but one."""
    silent = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono:d=9"]
    inputs = [part for n in range(count) for part in (maker.beeps(9) if n == count - 2 else silent)]
    maps = [part for n in range(count) for part in ("-map", f"{n + 1}:a")]
    maker.run(
        *maker.numbers(225), *inputs, "-map", "0:v", *maps, "-vf", f"{shown((720, 576))},format=yuv420p",
        "-c:v", "mpeg2video", "-b:v", "6M", "-c:a", "pcm_s16le", path,
    )  # fmt: skip


def _ambisonic(maker: Maker, path: Path) -> None:
    """Four channels of a sphere, of which the first holds all that comes from everywhere."""
    whole = maker.file(".mkv")
    maker.film(
        whole, seconds=9, audio=("-c:a", "libopus", "-mapping_family", "255"), audio_filters="pan=4c|c0=c0"
    )  # fmt: skip
    data = bytearray(whole.read_bytes())
    data[data.index(b"OpusHead") + 18] = 2
    path.write_bytes(data)


def _left_and_right(maker: Maker, path: Path) -> None:
    """Left and right as a track each."""
    maker.run(
        *maker.numbers(225), *maker.beeps(9), *maker.beeps(9), "-map", "0:v", "-map", "1:a", "-map", "2:a",
        "-vf", f"{shown((320, 240))},format=yuv420p", "-filter:a:0", "pan=FL|FL=c0",
        "-filter:a:1", "pan=FR|FR=c0",
        "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le", path,
    )  # fmt: skip


LAYOUTS = [
    _layout("layout-3.0.mkv", "3.0", "-c:a", "flac"),
    _layout("layout-quad.mp4", "quad", *AAC),
    _layout("layout-5.0.mov", "5.0", "-c:a", "pcm_s16le"),
    _layout("layout-5.1.ts", "5.1", "-c:a", "ac3", "-b:a", "384k", fast=True),
    _layout("layout-6.1.mkv", "6.1", "-c:a", "flac"),
    _layout("layout-7.1.mkv", "7.1", "-c:a", "libopus", "-b:a", "256k"),
    _layout("layout-2.1.mkv", "2.1", "-c:a", "pcm_s16le"),
    _layout("layout-16.mkv", "hexadecagonal", "-c:a", "pcm_s16le"),
    _layout("layout-5.1.2.mov", "5.1.2", "-c:a", "pcm_s16le"),
    *(heard(f"unnamed-{count}.wav", partial(_unnamed, channels=count)) for count in (3, 5, 7, 9, 16, 32, 64)),
    whole("ambisonic.mkv", _ambisonic, 9),
    whole("left-and-right.mkv", _left_and_right, 9),
    whole("three-mono.mov", partial(_tracks, count=3), 9),
    whole("four-mono.mxf", partial(_tracks, count=4), 9),
    whole("six-mono.mov", partial(_tracks, count=6), 9),
    whole("eight-mono.mxf", partial(_tracks, count=8), 9),
]


Parts = Sequence[tuple[str, int, int]]
"""Three seconds each: layout, sample rate, bit rate in kbit/s."""


def _one_after_another(maker: Maker, path: Path, parts: Parts, codec: Sequence[str]) -> None:
    """All of them in one file, as `cat` puts them there."""
    files = []
    for number, (layout, rate, kbps) in enumerate(parts):
        file = maker.file(path.suffix)
        filters = _in_all(layout, {"mono": 1, "stereo": 2, "5.1": 6}[layout])
        maker.run(*maker.beeps(3, rate, 1, 3 * number), "-af", filters, *codec, "-b:a", f"{kbps}k", file)
        files.append(file)
    joined(path, *files)


def _programmes(maker: Maker, path: Path, parts: Parts, codec: Sequence[str], suffix: str) -> None:
    """The same under one video, on one clock, as a broadcast goes from programme to programme."""
    audio = maker.file(suffix)
    _one_after_another(maker, audio, parts, codec)
    mute = maker.film(maker.file(".mp4"), seconds=9, audio=None)
    maker.run("-i", mute, "-i", audio, "-map", "0:v", "-map", "1:a", "-c", "copy", path)


def _radio(name: str, parts: Parts, *codec: str) -> Case:
    """No length: what each part is padded with is in the file."""
    make = partial(_one_after_another, parts=parts, codec=codec)
    return Case(name, make, "audio", frames=0, verified=True)


def _broadcast(name: str, parts: Parts, codec: str, *, fast: bool = False) -> Case:
    make = partial(_programmes, parts=parts, codec=("-c:a", codec), suffix=f".{codec}")
    return replace(whole(name, make, 9, fast=fast), beeps=None)


_MP3 = ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0")
MIDWAY = [
    _radio("midway-stereo-mono.aac", [("stereo", 44_100, 96), ("mono", 44_100, 64), ("stereo", 44_100, 96)], *AAC[:2]),
    _radio("midway-rate.aac", [("mono", 22_050, 48), ("mono", 44_100, 64), ("mono", 48_000, 64)], *AAC[:2]),
    _radio("midway-rate.mp3", [("stereo", 44_100, 128), ("stereo", 22_050, 64), ("stereo", 48_000, 128)], *_MP3),
    _radio("midway-5.1.ac3", [("5.1", 48_000, 384), ("stereo", 48_000, 192), ("5.1", 48_000, 384)], "-c:a", "ac3"),
    _broadcast(
        "midway-5.1-stereo-mono.ts", [("5.1", 48_000, 384), ("stereo", 48_000, 192), ("mono", 48_000, 96)], "ac3",
        fast=True,
    ),
    _broadcast("midway.ts", [("stereo", 48_000, 192), ("5.1", 48_000, 384), ("stereo", 48_000, 192)], "eac3"),
    _broadcast("midway-mp2.ts", [("mono", 48_000, 96), ("stereo", 48_000, 192), ("mono", 48_000, 96)], "mp2"),
    _broadcast("midway.mkv", [("stereo", 48_000, 192), ("5.1", 48_000, 384), ("mono", 48_000, 96)], "ac3"),
]  # fmt: skip


def _chained(maker: Maker, path: Path, parts: Sequence[tuple[float, int, int]], codec: str) -> None:
    """Songs one after the other in an Ogg, as radio stations write them: (seconds, rate, channels)."""
    files = [maker.audio(maker.file(path.suffix), "-c:a", codec, seconds=s, rate=r, channels=c) for s, r, c in parts]
    joined(path, *files)


def _with_cover(maker: Maker, path: Path, *codec: str) -> None:
    cover = maker.file(".png")
    maker.run("-f", "lavfi", "-i", "color=navy:s=600x600", "-frames:v", "1", cover)
    maker.run(
        *maker.beeps(9, 44_100, 2), "-i", cover, "-map", "0", "-map", "1", *codec, "-c:v", "copy",
        "-disposition:v", "attached_pic", path,
    )  # fmt: skip


def _with_hole(maker: Maker, path: Path) -> None:
    """Nothing is written from 3.2 to 5.4 s: a microphone that was muted, or packets that were lost."""
    maker.film(
        path, seconds=9, video=("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "300k"),
        audio=("-c:a", "libopus"), audio_filters="aselect='not(between(t,3.2,5.4))'",
    )  # fmt: skip


def _cut(maker: Maker, path: Path, codec: Sequence[str]) -> None:
    maker.audio(path, *codec)
    cut(path, 0.6)


def _piped(maker: Maker, path: Path) -> None:
    """The sizes in the header are those that were known when it was written: none."""
    maker.audio(path, rate=16_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    struct.pack_into("<I", data, 4, 0xFFFFFFFF)
    struct.pack_into("<I", data, at + 4, 0xFFFFFFFF)
    path.write_bytes(data)


_CUT: dict[str, tuple[str, ...]] = {
    "wav": (), "flac": (), "mp3": (), "ogg": ("-c:a", "libvorbis"), "opus": ("-c:a", "libopus"), "aac": (), "ac3": (),
    "aiff": (),
}  # fmt: skip
_SONGS = [(3.0, 44_100, 1)] * 3
_TALKS = [(3.0, 48_000, 1)] * 3
# What changes there, ffmpeg does not read on: it plays as far as it goes.
_CHANGED = [(3.0, 48_000, 1), (3.0, 48_000, 2)]

BESIDE = [
    heard("chained.ogg", partial(_chained, parts=_SONGS, codec="libvorbis")),
    heard("chained.opus", partial(_chained, parts=_TALKS, codec="libopus")),
    Case("chained-changed.opus", partial(_chained, parts=_CHANGED, codec="libopus"), "audio", frames=0),
    heard("chained-flac.ogg", partial(_chained, parts=[(4.0, 44_100, 1), (5.0, 44_100, 1)], codec="flac")),
    heard("cover.mp3", lambda m, p: _with_cover(m, p, "-c:a", "libmp3lame")),
    heard("cover.flac", lambda m, p: _with_cover(m, p, "-c:a", "flac")),
    heard("cover.m4a", lambda m, p: _with_cover(m, p, *AAC)),
    heard("cover-as-video.m4a", lambda m, p: _with_cover(m, p, *AAC), sent_as="video"),
    Case("hole.webm", _with_hole, numbers=range(225), frames=225, length=9, beeps=(0.0, 1.0, 2.0, 3.0, 6.0, 7.0, 8.0)),
    heard("audio-as-video.mp3", _alone, sent_as="video", fast=True),
    heard("audio-as-video.wav", lambda m, p: _alone(m, p, rate=8000), sent_as="video"),
    heard("audio-as-video.opus", lambda m, p: _alone(m, p, "-c:a", "libopus"), sent_as="video"),
    heard("piped.wav", _piped),
    # Its bytes repeat every 192, as the packets of a recorder's transport stream do: ffmpeg takes it for one.
    heard("like-packets.wav", _alone),
    *(Case(f"cut-short.{ending}", partial(_cut, codec=codec), "audio", frames=0) for ending, codec in _CUT.items()),
    Case("cut-short.m4a", partial(_cut, codec=AAC), "audio", error="truncated"),
]

AUDIO = [*RATES, *LAYOUTS, *MIDWAY, *BESIDE]
