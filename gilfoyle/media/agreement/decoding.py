"""The judge's command lines for ffmpeg and ffprobe, and what they write. Pure.

Each stream comes out twice: as small raw pictures or sound, and as a list of stamps (`framecrc`), a line for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gilfoyle.media.agreement.pictures import COLUMNS, ROWS
from gilfoyle.media.agreement.sound import RATE
from gilfoyle.media.header import video_stream
from gilfoyle.media.pictures import is_tiled, is_transparent

STAMP_RATE = 1_000_000
"""Stamps of pictures are in microseconds; those of sound in samples."""
_NO_STAMP = -(2**63)
# The longer side of a picture before it is shrunk to its fingerprint: enough for bars to be where they belong.
_BOX = 320
_HDR = ("smpte2084", "arib-std-b67")
_HD_LINES = 720
_UNTOLD = (None, "unknown", "reserved")
_MOST_TRACKS = 8
# All that is not opaque is what is missing to white.
_ON_WHITE = "format=gbrap,negate,premultiply=inplace=1,negate,format=gbrp"


@dataclass(frozen=True)
class SourceStreams:
    """Which streams of a file are seen and heard, by what ffprobe says. Indexes are the container's."""

    picture: int | None
    sounds: tuple[int, ...]
    """Those that can be decoded, the default one first."""
    channels: tuple[int, ...]
    """Of each of the sounds."""
    tiled: bool = False
    """The picture is cut into tiles, which ffmpeg puts together."""
    transparent: bool = False
    """The picture may be so in places; it is seen on white."""
    hdr: bool = False
    untold_hd: bool = False
    """High definition that does not say how its colours are coded: all players take BT.709."""

    @property
    def maps(self) -> list[str]:
        """What `-map` calls them, the picture first."""
        picture = [] if self.picture is None else ["0:g:0" if self.tiled else f"0:{self.picture}"]
        return [*picture, *(f"0:{index}" for index in self.sounds)]


@dataclass(frozen=True)
class Tap:
    """One stream of a run of ffmpeg and the pipes on which it comes out. `stream`: as in `-map`."""

    stream: str
    raw: int
    stamps: int


def source_streams(probe: Mapping[str, Any], *, with_picture: bool) -> SourceStreams:
    """What a player shows of a file: the default streams, else the first; covers and unknown codecs don't count.

    Nor does a preview, or the still that stands for a film, as media/header.py tells them.
    """
    streams = [each for each in probe.get("streams", []) if each.get("codec_name") not in (None, "unknown", "none")]
    pictures = [
        each
        for each in streams
        if each.get("codec_type") == "video" and not each.get("disposition", {}).get("attached_pic")
    ]
    sounds = [each for each in streams if each.get("codec_type") == "audio" and int(each.get("channels") or 0)]
    picture = (video_stream(probe) or min(pictures, key=_not_default, default=None)) if with_picture else None
    sounds = sorted(sounds, key=_not_default)[:_MOST_TRACKS]
    told = picture or {}
    return SourceStreams(
        picture=int(picture["index"]) if picture else None,
        sounds=tuple(int(each["index"]) for each in sounds),
        channels=tuple(int(each["channels"]) for each in sounds),
        tiled=is_tiled(probe),
        transparent=picture is not None and is_transparent(probe),
        hdr=told.get("color_transfer") in _HDR,
        untold_hd=told.get("color_space") in _UNTOLD and int(told.get("height") or 0) >= _HD_LINES,
    )


def probe_command(ffprobe: str, source: str, reading: Sequence[str]) -> list[str]:
    """A file and its streams as JSON. `reading`: options that say what may be opened, and how."""
    return [ffprobe, "-v", "error", "-hide_banner", "-show_format", "-show_streams", "-of", "json", *reading, source]


def source_command(
    ffmpeg: str,
    source: str,
    reading: Sequence[str],
    picture: Tap | None,
    sounds: Sequence[Tap],
    shape: tuple[int, int],
    *,
    untold_hd: bool,
    transparent: bool = False,
    level: str,
    threads: int,
) -> list[str]:
    """Decode a file as ffmpeg does by itself; its pictures fitted into a stream of that shape (width, height).

    Without `-copyts`: where a clock begins anew or leaps, ffmpeg goes on from where it was.
    """
    command = [*_start(ffmpeg, level), "-max_error_rate", "1", *reading, *_threads(threads), "-i", source]
    if picture:
        matrix = "bt709" if untold_hd else "auto"
        seen = f"{_ON_WHITE}," if transparent else ""
        command += _pictures(picture, f"{seen}{_fitted(*shape)},{_shrunk(matrix)}")
    for tap in sounds:
        command += _sound(tap)
    return command


def stream_command(ffmpeg: str, descriptor: int, tap: Tap, *, is_video: bool, threads: int) -> list[str]:
    """Decode a rendition that is fed through a pipe: its init segment and all its segments, one after the other."""
    limits = ["-protocol_whitelist", "pipe", "-format_whitelist", "mov"]
    command = [*_start(ffmpeg, "error"), "-copyts", *limits, *_threads(threads), "-i", f"pipe:{descriptor}"]
    return command + (_pictures(tap, _shrunk("auto")) if is_video else _sound(tap))


def stamp(line: str) -> tuple[int | None, int, int] | None:
    """Of a line of `framecrc`: stamp (None: it has none), length and bytes; None for a line of its head."""
    if line.startswith("#") or not line.strip():
        return None
    fields = line.split(",")
    at = int(fields[2])
    return None if at == _NO_STAMP else at, max(0, int(fields[3])), int(fields[4])


def _not_default(stream: Mapping[str, Any]) -> bool:
    return not stream.get("disposition", {}).get("default")


def _start(ffmpeg: str, level: str) -> list[str]:
    return [ffmpeg, "-hide_banner", "-nostdin", "-v", level, "-nostats", "-progress", "pipe:1", "-y"]


def _threads(threads: int) -> list[str]:
    return ["-threads", str(threads)]


def _pictures(tap: Tap, filters: str) -> list[str]:
    graph = f"[{tap.stream}]{filters},split[raw{tap.raw}][stamps{tap.raw}]"
    # Each picture that the decoder gives, at its own time: none is doubled or dropped for the sake of a rate.
    each = ["-fps_mode", "passthrough", "-enc_time_base", f"1/{STAMP_RATE}", "-c:v", "rawvideo"]
    return [
        "-filter_complex", graph,
        "-map", f"[raw{tap.raw}]", *each, "-f", "rawvideo", f"pipe:{tap.raw}",
        "-map", f"[stamps{tap.raw}]", *each, "-flush_packets", "1", "-f", "framecrc", f"pipe:{tap.stamps}",
    ]  # fmt: skip


def _sound(tap: Tap) -> list[str]:
    form = f"aformat=sample_fmts=s16:sample_rates={RATE}:channel_layouts=mono"
    graph = f"[{tap.stream}]{form},asplit[raw{tap.raw}][stamps{tap.raw}]"
    return [
        "-filter_complex", graph,
        "-map", f"[raw{tap.raw}]", "-c:a", "pcm_s16le", "-f", "s16le", f"pipe:{tap.raw}",
        "-map", f"[stamps{tap.raw}]", "-c:a", "pcm_s16le", "-flush_packets", "1", "-f", "framecrc",
        f"pipe:{tap.stamps}",
    ]  # fmt: skip


def _fitted(width: int, height: int) -> str:
    """Filters that show a picture, in its own shape, in a box shaped like the stream, with black bars."""
    scale = _BOX / max(width, height)
    box_width, box_height = max(COLUMNS, round(width * scale)), max(ROWS, round(height * scale))
    shape = "iw*sar/ih"
    fit_width = f"if(gt({shape}\\,{box_width}/{box_height})\\,{box_width}\\,max(1\\,round({box_height}*{shape})))"
    fit_height = f"if(gt({shape}\\,{box_width}/{box_height})\\,max(1\\,round({box_width}/({shape})))\\,{box_height})"
    return (
        f"scale=w={fit_width}:h={fit_height}:flags=area,setsar=1,format=yuv444p|yuv444p10le|gbrp|gbrp10le,"
        f"pad={box_width}:{box_height}:(ow-iw)/2:(oh-ih)/2"
    )


def _shrunk(matrix: str) -> str:
    # Rounded as it should be: by ffmpeg's fast way, white was 251.
    return f"scale={COLUMNS}:{ROWS}:flags=area+accurate_rnd+full_chroma_int:in_color_matrix={matrix},format=rgb24"
