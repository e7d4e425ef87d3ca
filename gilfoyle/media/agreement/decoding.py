"""The judge's command lines for ffmpeg and ffprobe, and what they write. Pure.

Each stream comes out twice: as small raw pictures or sound, and as a list of stamps (`framecrc`), a line for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from gilfoyle.media.agreement.pictures import COLUMNS, ROWS
from gilfoyle.media.agreement.sound import RATE
from gilfoyle.media.colour import Colour, Filter, named, read_colour, to_rendered

STAMP_RATE = 1_000_000
"""Stamps of pictures are in microseconds; those of sound in samples."""
_NO_STAMP = -(2**63)
# The longer side of a picture before it is shrunk to its fingerprint: enough for bars to be where they belong.
_BOX = 320
_MOST_TRACKS = 16
# A picture of less than this part of the largest one's area is only a preview.
_PREVIEW = 4
_STAMPLESS = {"aac", "loas", "mp3", "ac3", "eac3", "dts", "truehd", "amr", "amrnb", "amrwb"}
_TRANSPARENT = ("gif", "png", "webp", "tiff")
# All that is not opaque is what is missing to white.
_ON_WHITE = "format=gbrap,negate,premultiply=inplace=1,negate,format=gbrp"
_MIXED_CHANNELS = 8

_BT709 = Colour()
# Rounded as it should be: by ffmpeg's fast way, white was 251.
_SHRUNK = f"scale={COLUMNS}:{ROWS}:flags=area+accurate_rnd+full_chroma_int,format=rgb24"


@dataclass(frozen=True)
class SourceStreams:
    """Which streams of a file are seen and heard, by what ffprobe says. Indexes are the container's."""

    picture: int | None
    sounds: tuple[int, ...]
    """Those that can be decoded, the default one first."""
    channels: tuple[int, ...]
    """Of each of the sounds."""
    mixes: tuple[str, ...]
    """Of each of the sounds: the filter that makes its channels one, where ffmpeg does not know how; else empty."""
    tiled: bool = False
    """The picture is cut into tiles, which ffmpeg puts together."""
    transparent: bool = False
    """The picture may be so in places; it is seen on white."""
    stampless: bool = False
    """The container has no stamps, so that ffmpeg makes them up: what is heard follows what was heard before."""
    late: float = 0.0
    """So much later than they are shown pictures are stamped (seconds): AVI has times of decoding only."""
    hdr: bool = False
    colour: Colour = _BT709
    """What the picture's numbers mean, which ffmpeg would take for something else."""

    @property
    def picture_map(self) -> str:
        """What `-map` calls the picture."""
        return "0:g:0" if self.tiled else f"0:{self.picture}"

    def each(self) -> Iterator[SourceStreams]:
        """Each of them alone."""
        if self.picture is not None:
            yield replace(self, sounds=(), channels=(), mixes=())
        for index, channels, mix in zip(self.sounds, self.channels, self.mixes, strict=True):
            yield replace(self, picture=None, sounds=(index,), channels=(channels,), mixes=(mix,))


@dataclass(frozen=True)
class Tap:
    """One stream of a run of ffmpeg and the pipes on which it comes out. `stream`: as in `-map`.

    `packets`: on this pipe its packets are listed, too, decodable or not.
    """

    stream: str
    raw: int
    stamps: int
    packets: int | None = None
    mix: str = ""
    """See SourceStreams.mixes."""


def source_streams(probe: Mapping[str, Any], *, with_picture: bool) -> SourceStreams:
    """What a player shows of a file: the default streams, else the first; covers and unknown codecs don't count."""
    streams = [each for each in probe.get("streams", []) if each.get("codec_name") not in (None, "unknown", "none")]
    pictures = [
        each
        for each in streams
        if each.get("codec_type") == "video" and not each.get("disposition", {}).get("attached_pic")
    ]
    sounds = [each for each in streams if each.get("codec_type") == "audio" and int(each.get("channels") or 0)]
    picture = _film(pictures) if with_picture else None
    sounds = sorted(sounds, key=_not_default)[:_MOST_TRACKS]
    told = picture or {}
    return SourceStreams(
        picture=int(picture["index"]) if picture else None,
        sounds=tuple(int(each["index"]) for each in sounds),
        channels=tuple(int(each["channels"]) for each in sounds),
        mixes=tuple(map(_mix, sounds)),
        tiled=_is_tiled(streams, picture),
        transparent=any(name in probe.get("format", {}).get("format_name", "") for name in _TRANSPARENT),
        stampless=probe.get("format", {}).get("format_name", "").split(",")[0] in _STAMPLESS,
        late=_late(probe, told),
        hdr=read_colour(told).hdr,
        colour=read_colour(told),
    )


def _late(probe: Mapping[str, Any], picture: Mapping[str, Any]) -> float:
    """A decoder gives a picture out when it has as many more as may be reordered."""
    if probe.get("format", {}).get("format_name") != "avi" or not picture:
        return 0.0
    times, _, seconds = str(picture.get("avg_frame_rate", "0/0")).partition("/")
    return int(picture.get("has_b_frames") or 0) * float(seconds or 1) / float(times) if float(times) else 0.0


def _film(pictures: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What moves before what stands for it, and what is seen before its preview."""
    largest = max((_area(each) for each in pictures), default=0)

    def last(stream: Mapping[str, Any]) -> tuple[bool, bool, bool]:
        return stream.get("nb_frames") == "1", _PREVIEW * _area(stream) < largest, _not_default(stream)

    return min(pictures, key=last, default=None)


def _is_tiled(streams: Sequence[Mapping[str, Any]], film: Mapping[str, Any] | None) -> bool:
    """Whether it is a photo of many streams that belong together, and there is no film beside it."""
    tiles = any(each.get("disposition", {}).get("dependent") for each in streams)
    return tiles and (film is None or _not_default(film))


def _area(stream: Mapping[str, Any]) -> int:
    return int(stream.get("width") or 0) * int(stream.get("height") or 0)


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
    colour: Colour = _BT709,
    transparent: bool = False,
    level: str,
    threads: int,
) -> list[str]:
    """Decode a file as ffmpeg does by itself; its pictures fitted into a stream of that shape (width, height).

    Without `-copyts`: where a clock begins anew or leaps, ffmpeg goes on from where it was.
    """
    command = [*_start(ffmpeg, level), "-max_error_rate", "1", *reading, *_threads(threads), "-i", source]
    if picture:
        name, conversion = (_ON_WHITE, "") if transparent else (_chain(named(colour)), _conversion(colour))
        command += _pictures(picture, ",".join(filter(None, (name, _fitted(*shape), conversion, _SHRUNK))))
    for tap in sounds:
        command += _sound(tap)
    return command


def stream_command(ffmpeg: str, descriptor: int, tap: Tap, *, is_video: bool, threads: int) -> list[str]:
    """Decode a rendition that is fed through a pipe: its init segment and all its segments, one after the other."""
    limits = ["-protocol_whitelist", "pipe", "-format_whitelist", "mov"]
    command = [*_start(ffmpeg, "error"), "-copyts", *limits, *_threads(threads), "-i", f"pipe:{descriptor}"]
    return command + (_pictures(tap, _SHRUNK) if is_video else _sound(tap))


class PacketEnd:
    """When the last packet of a stream ends, by the lines of its list."""

    def __init__(self) -> None:
        self.end = 0.0
        self._tick = Fraction(0)

    def take(self, line: str) -> None:
        """Take in the next one. The head tells how long a tick of the stamps is."""
        if line.startswith("#tb"):
            self._tick = Fraction(line.rpartition(" ")[2])
        elif (found := stamp(line)) and found[0] is not None:
            self.end = max(self.end, float((found[0] + found[1]) * self._tick))


def stamp(line: str) -> tuple[int | None, int, int] | None:
    """Of a line of `framecrc`: stamp (None: it has none), length and bytes; None for a line of its head."""
    if line.startswith("#") or not line.strip():
        return None
    fields = line.split(",")
    at = int(fields[2])
    return None if at == _NO_STAMP else at, max(0, int(fields[3])), int(fields[4])


def _not_default(stream: Mapping[str, Any]) -> bool:
    return not stream.get("disposition", {}).get("default")


def _mix(stream: Mapping[str, Any]) -> str:
    """All channels evenly where they have no positions that ffmpeg can mix; the first of a sphere holds them all."""
    channels, layout = int(stream["channels"]), str(stream.get("channel_layout", ""))
    if layout.startswith("ambisonic"):
        return "pan=mono|c0=c0"
    if layout and channels <= _MIXED_CHANNELS:
        return ""
    return "" if channels == 1 else "pan=mono|c0=" + "+".join(f"{1 / channels:.6f}*c{n}" for n in range(channels))


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
        *_packets(tap),
    ]  # fmt: skip


def _sound(tap: Tap) -> list[str]:
    form = ",".join(filter(None, [tap.mix, f"aformat=sample_fmts=s16:sample_rates={RATE}:channel_layouts=mono"]))
    graph = f"[{tap.stream}]{form},asplit[raw{tap.raw}][stamps{tap.raw}]"
    return [
        "-filter_complex", graph,
        "-map", f"[raw{tap.raw}]", "-c:a", "pcm_s16le", "-f", "s16le", f"pipe:{tap.raw}",
        "-map", f"[stamps{tap.raw}]", "-c:a", "pcm_s16le", "-flush_packets", "1", "-f", "framecrc",
        f"pipe:{tap.stamps}",
        *_packets(tap),
    ]  # fmt: skip


def _packets(tap: Tap) -> list[str]:
    """Of tiles there are none: no packet is the picture's."""
    if tap.packets is None or ":g:" in tap.stream:
        return []
    return ["-map", tap.stream, "-c", "copy", "-f", "framecrc", f"pipe:{tap.packets}"]


def _conversion(colour: Colour) -> str:
    # HDR is compared by its brightness alone.
    return "" if colour.hdr else _chain(to_rendered(colour))


def _chain(filters: Sequence[Filter]) -> str:
    return ",".join(f"{name}=" + ":".join(f"{key}={value}" for key, value in use.items()) for name, use in filters)


def _fitted(width: int, height: int) -> str:
    """Filters that show a picture, in its own shape, in a box shaped like the stream, with black bars."""
    scale = _BOX / max(width, height)
    box_width, box_height = max(COLUMNS, round(width * scale)), max(ROWS, round(height * scale))
    shape = "iw*if(between(sar\\,0.1\\,10)\\,sar\\,1)/ih"  # what else is said of pixels is absurd
    fit_width = f"if(gt({shape}\\,{box_width}/{box_height})\\,{box_width}\\,max(1\\,round({box_height}*{shape})))"
    fit_height = f"if(gt({shape}\\,{box_width}/{box_height})\\,max(1\\,round({box_width}/({shape})))\\,{box_height})"
    return (
        f"scale=w={fit_width}:h={fit_height}:flags=area,setsar=1,format=yuv444p|yuv444p10le|gbrp|gbrp10le,"
        f"pad={box_width}:{box_height}:(ow-iw)/2:(oh-ih)/2"
    )
