"""The judge's command lines for ffmpeg and ffprobe, and how to read their output. Pure.

Each stream is written twice: as small raw frames or samples, and as a list of stamps (`framecrc`), one line each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from gilfoyle.media.agreement.audio import RATE
from gilfoyle.media.agreement.frames import COLUMNS, ROWS
from gilfoyle.media.colour import Colour, Filter, named, read_colour, to_rendered

STAMP_RATE = 1_000_000
"""Stamps of frames are in microseconds; those of audio in samples."""
_NO_STAMP = -(2**63)
# The longer side of a frame before it is shrunk to a fingerprint: large enough to place the bars exactly.
_BOX = 320
_MOST_TRACKS = 16
# A video stream with less than 1/4 of the largest one's area is a preview.
_PREVIEW = 4
_STAMPLESS = {"aac", "loas", "mp3", "ac3", "eac3", "dts", "truehd", "amr", "amrnb", "amrwb"}
_TRANSPARENT = ("gif", "png", "webp", "tiff")
# Blend onto white: what is transparent becomes white.
_ON_WHITE = "format=gbrap,negate,premultiply=inplace=1,negate,format=gbrp"
_MIXED_CHANNELS = 8

_BT709 = Colour()
# With ffmpeg's fast rounding, white was 251.
_SHRUNK = f"scale={COLUMNS}:{ROWS}:flags=area+accurate_rnd+full_chroma_int,format=rgb24"


@dataclass(frozen=True)
class SourceStreams:
    """The streams of a file that a player shows, by ffprobe's output. Indexes are the container's."""

    video: int | None
    audio_tracks: tuple[int, ...]
    """Those that can be decoded, the default one first."""
    channels: tuple[int, ...]
    """For each audio track."""
    mixes: tuple[str, ...]
    """For each audio track: the filter that mixes it to mono, where ffmpeg can't by itself; else empty."""
    tiled: bool = False
    """The video consists of tiles, which ffmpeg joins."""
    transparent: bool = False
    """The video may be transparent in places; it is shown on white."""
    stampless: bool = False
    """The container has no stamps: ffmpeg makes them up, so audio is taken as continuous."""
    late: float = 0.0
    """How much later than their display time frames are stamped (seconds): AVI has decode times only."""
    hdr: bool = False
    colour: Colour = _BT709
    """The colour description of the video, where ffmpeg would assume another."""

    @property
    def stream_mix(self) -> str:
        """The filter that mixes a rendition to mono, where the source has one track per channel; else empty.

        Every channel keeps its own level, also the LFE, which ffmpeg would leave out.
        """
        levels = "lfe_mix_level=1:center_mix_level=1:surround_mix_level=1:rematrix_maxval=8"
        return f"aresample=out_chlayout=mono:{levels}" if len(self.channels) > 1 and {*self.channels} == {1} else ""

    @property
    def video_map(self) -> str:
        """The video as `-map` names it."""
        return "0:g:0" if self.tiled else f"0:{self.video}"

    def each(self) -> Iterator[SourceStreams]:
        """Each stream by itself."""
        if self.video is not None:
            yield replace(self, audio_tracks=(), channels=(), mixes=())
        for index, channels, mix in zip(self.audio_tracks, self.channels, self.mixes, strict=True):
            yield replace(self, video=None, audio_tracks=(index,), channels=(channels,), mixes=(mix,))


@dataclass(frozen=True)
class Tap:
    """One stream of an ffmpeg run, and the pipes for its output. `stream`: as in `-map`.

    `packets`: a pipe that also lists its packets, decodable or not.
    """

    stream: str
    raw: int
    stamps: int
    packets: int | None = None
    mix: str = ""
    """See SourceStreams.mixes."""


def source_streams(probe: Mapping[str, Any], *, with_video: bool) -> SourceStreams:
    """The streams that a player shows: the default ones, else the first. Covers and unknown codecs don't count."""
    streams = [each for each in probe.get("streams", []) if each.get("codec_name") not in (None, "unknown", "none")]
    videos = [
        each
        for each in streams
        if each.get("codec_type") == "video" and not each.get("disposition", {}).get("attached_pic")
    ]
    audio_tracks = [each for each in streams if each.get("codec_type") == "audio" and int(each.get("channels") or 0)]
    video = _film(videos) if with_video else None
    audio_tracks = sorted(audio_tracks, key=_not_default)[:_MOST_TRACKS]
    told = video or {}
    return SourceStreams(
        video=int(video["index"]) if video else None,
        audio_tracks=tuple(int(each["index"]) for each in audio_tracks),
        channels=tuple(int(each["channels"]) for each in audio_tracks),
        mixes=tuple(map(_mix, audio_tracks)),
        tiled=_is_tiled(streams, video),
        transparent=any(name in probe.get("format", {}).get("format_name", "") for name in _TRANSPARENT),
        stampless=probe.get("format", {}).get("format_name", "").split(",")[0] in _STAMPLESS,
        late=_late(probe, told),
        hdr=read_colour(told).hdr,
        colour=read_colour(told),
    )


def _late(probe: Mapping[str, Any], video: Mapping[str, Any]) -> float:
    """The delay of a decoder that must hold as many frames as may be reordered (seconds)."""
    if probe.get("format", {}).get("format_name") != "avi" or not video:
        return 0.0
    times, _, seconds = str(video.get("avg_frame_rate", "0/0")).partition("/")
    return int(video.get("has_b_frames") or 0) * float(seconds or 1) / float(times) if float(times) else 0.0


def _film(videos: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The main video: prefer a moving one to a still, and the full size to its preview."""
    largest = max((_area(each) for each in videos), default=0)

    def last(stream: Mapping[str, Any]) -> tuple[bool, bool, bool]:
        return stream.get("nb_frames") == "1", _PREVIEW * _area(stream) < largest, _not_default(stream)

    return min(videos, key=last, default=None)


def _is_tiled(streams: Sequence[Mapping[str, Any]], film: Mapping[str, Any] | None) -> bool:
    """Whether the file is a photo made of tiles, with no film beside it."""
    tiles = any(each.get("disposition", {}).get("dependent") for each in streams)
    return tiles and (film is None or _not_default(film))


def _area(stream: Mapping[str, Any]) -> int:
    return int(stream.get("width") or 0) * int(stream.get("height") or 0)


def probe_command(ffprobe: str, source: str, reading: Sequence[str]) -> list[str]:
    """Print a file and its streams as JSON. `reading`: the options of media/reading.py."""
    return [ffprobe, "-v", "error", "-hide_banner", "-show_format", "-show_streams", "-of", "json", *reading, source]


def source_command(
    ffmpeg: str,
    source: str,
    reading: Sequence[str],
    video: Tap | None,
    audio_tracks: Sequence[Tap],
    shape: tuple[int, int],
    *,
    colour: Colour = _BT709,
    transparent: bool = False,
    threads: int,
) -> list[str]:
    """Decode a source as ffmpeg does by default, with its frames fitted into `shape` (width, height).

    Without `-copyts`: where the clock restarts or leaps, ffmpeg continues from where it was.
    """
    command = [*_start(ffmpeg), "-max_error_rate", "1", *reading, *_threads(threads), "-i", source]
    if video:
        name, conversion = (_ON_WHITE, "") if transparent else (_chain(named(colour)), _conversion(colour))
        command += _video(video, ",".join(filter(None, (name, _fitted(*shape), conversion, _SHRUNK))))
    for tap in audio_tracks:
        command += _audio(tap)
    return command


def stream_command(ffmpeg: str, descriptor: int, tap: Tap, *, is_video: bool, threads: int) -> list[str]:
    """Decode a rendition from a pipe: its init segment, then all its segments."""
    limits = ["-protocol_whitelist", "pipe", "-format_whitelist", "mov"]
    command = [*_start(ffmpeg), "-copyts", *limits, *_threads(threads), "-i", f"pipe:{descriptor}"]
    return command + (_video(tap, _SHRUNK) if is_video else _audio(tap))


class PacketEnd:
    """When the last packet of a stream ends, read from its `framecrc` list."""

    def __init__(self) -> None:
        self.end = 0.0
        self._tick = Fraction(0)

    def take(self, line: str) -> None:
        """Take in the next line. The header gives the time base."""
        if line.startswith("#tb"):
            self._tick = Fraction(line.rpartition(" ")[2])
        elif (found := stamp(line)) and found[0] is not None:
            self.end = max(self.end, float((found[0] + found[1]) * self._tick))


def stamp(line: str) -> tuple[int | None, int, int] | None:
    """Stamp (None if it has none), length and bytes of a `framecrc` line; None for a header line."""
    if line.startswith("#") or not line.strip():
        return None
    fields = line.split(",")
    at = int(fields[2])
    return None if at == _NO_STAMP else at, max(0, int(fields[3])), int(fields[4])


def _not_default(stream: Mapping[str, Any]) -> bool:
    return not stream.get("disposition", {}).get("default")


def _mix(stream: Mapping[str, Any]) -> str:
    """Mix all channels evenly where they have no positions. Of ambisonics, the first channel holds everything."""
    channels, layout = int(stream["channels"]), str(stream.get("channel_layout", ""))
    if layout.startswith("ambisonic"):
        return "pan=mono|c0=c0"
    if layout and channels <= _MIXED_CHANNELS:
        return ""
    return "" if channels == 1 else "pan=mono|c0=" + "+".join(f"{1 / channels:.6f}*c{n}" for n in range(channels))


def _start(ffmpeg: str) -> list[str]:
    return [ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", "-y"]


def _threads(threads: int) -> list[str]:
    return ["-threads", str(threads)]


def _video(tap: Tap, filters: str) -> list[str]:
    graph = f"[{tap.stream}]{filters},split[raw{tap.raw}][stamps{tap.raw}]"
    # Every decoded frame at its own time: none is doubled or dropped to keep a rate.
    each = ["-fps_mode", "passthrough", "-enc_time_base", f"1/{STAMP_RATE}", "-c:v", "rawvideo"]
    return [
        "-filter_complex", graph,
        "-map", f"[raw{tap.raw}]", *each, "-f", "rawvideo", f"pipe:{tap.raw}",
        "-map", f"[stamps{tap.raw}]", *each, "-flush_packets", "1", "-f", "framecrc", f"pipe:{tap.stamps}",
        *_packets(tap),
    ]  # fmt: skip


def _audio(tap: Tap) -> list[str]:
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
    """The packet list; tiles have none of their own."""
    if tap.packets is None or ":g:" in tap.stream:
        return []
    return ["-map", tap.stream, "-c", "copy", "-f", "framecrc", f"pipe:{tap.packets}"]


def _conversion(colour: Colour) -> str:
    # HDR is compared by its brightness alone.
    return "" if colour.hdr else _chain(to_rendered(colour))


def _chain(filters: Sequence[Filter]) -> str:
    return ",".join(f"{name}=" + ":".join(f"{key}={value}" for key, value in use.items()) for name, use in filters)


def _fitted(width: int, height: int) -> str:
    """Filters that fit a frame, in its own shape, into a box of the stream's shape, with black bars."""
    scale = _BOX / max(width, height)
    box_width, box_height = max(COLUMNS, round(width * scale)), max(ROWS, round(height * scale))
    shape = "iw*if(between(sar\\,0.1\\,10)\\,sar\\,1)/ih"  # what else is said of pixels is absurd
    fit_width = f"if(gt({shape}\\,{box_width}/{box_height})\\,{box_width}\\,max(1\\,round({box_height}*{shape})))"
    fit_height = f"if(gt({shape}\\,{box_width}/{box_height})\\,max(1\\,round({box_width}/({shape})))\\,{box_height})"
    return (
        f"scale=w={fit_width}:h={fit_height}:flags=area,setsar=1,format=yuv444p|yuv444p10le|gbrp|gbrp10le,"
        f"pad={box_width}:{box_height}:(ow-iw)/2:(oh-ih)/2"
    )
