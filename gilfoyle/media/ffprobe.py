"""Command lines that look into a source: ffprobe's, and for images ffmpeg's. Pure, as those of media/ffmpeg.py."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gilfoyle.media.reading import decimal, reading_options

# What is asked of every packet.
_PACKET = "packet=stream_index,pts,dts,duration,pos,flags:packet_side_data=side_data_type"
_SHAPE = "frame=best_effort_timestamp_time,width,height,sample_aspect_ratio"

# How far ffprobe looks for a stream's beginning, if it has to (µs, bytes); by default 5 s, and 5 MB.
_FAR_US, _FAR_BYTES = "43200000000", str(1 << 30)


def probe_command(ffprobe: str, source: str, *, patiently: bool = False) -> list[str]:
    """Format and streams as JSON. `patiently`: until there is something of each stream, however late it begins."""
    shown = ["-show_format", "-show_streams", "-of", "json"]
    far = ["-analyzeduration", _FAR_US, "-probesize", _FAR_BYTES] if patiently else []
    return [*_probe(ffprobe, source), *shown, *far, *reading_options(source), source]


def declared_command(ffprobe: str, source: str) -> list[str]:
    """Format and streams as the container's header declares them, before a frame is decoded, as JSON."""
    shown = ["-nofind_stream_info", "-show_format", "-show_streams", "-of", "json"]
    return [*_probe(ffprobe, source), *shown, *reading_options(source), source]


def packets_command(
    ffprobe: str, source: str, intervals: Sequence[str] = (), *, made_up: bool = False, indexed: bool = False
) -> list[str]:
    """The stamps of every packet: lines `stream,pts,dts,duration,pos,flags`, in ticks of the stream's time base.

    What belongs to a packet follows, by name: `Encryption info` on each that is encrypted. `intervals`: only of these
    parts of the file (`600%+2`: two seconds from 600 s on, on the container's clock). `made_up`: with the presentation
    times that packets lack (`header.lacks_times`). `indexed`: the container tells all of it without a look at the
    streams (`header.is_indexed`), which takes 0.05 s.
    """
    entries = ["-show_entries", _PACKET, "-of", "csv=p=0"]
    stamps = ["-fflags", "+genpts"] if made_up else []
    unseen = ["-nofind_stream_info"] if indexed else []
    options = [*_intervals(intervals), *entries, *stamps, *unseen, *reading_options(source)]
    return [*_probe(ffprobe, source), *options, source]


def shapes_command(ffprobe: str, source: str, intervals: Sequence[str] = ()) -> list[str]:
    """The sizes of the keyframes, and nothing but keyframes decoded: lines for `media.shapes.read_shapes`.

    `intervals` as of `packets_command`.
    """
    # What a frame looks like does not matter.
    quickly = ["-skip_frame", "nokey", "-skip_loop_filter", "all", "-skip_idct", "all"]
    entries = ["-select_streams", "v", "-show_entries", _SHAPE, "-of", "compact=p=0"]
    return [*_probe(ffprobe, source), *quickly, *_intervals(intervals), *entries, *reading_options(source), source]


def image_size_command(ffmpeg: str, source: str) -> list[str]:
    """Decodes the first frame of an image, upright, for `#dimensions 0: WxH` among the lines that tell of it."""
    # Of its own choice: where a photo is cut into tiles, that is all of them put together.
    return [*_look(ffmpeg, source), "-frames:v", "1", "-f", "framecrc", "pipe:1"]


def image_frames_command(ffmpeg: str, source: str) -> list[str]:
    """Lists the frames of an image without decoding them: lines `0, dts, pts, duration, …` in ticks of `#tb 0: …`."""
    return [*_look(ffmpeg, source), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"]


def entry_command(ffprobe: str, source: str, stream: int, at: Fraction, *, patiently: bool = False) -> list[str]:
    """Where a seek to `at` (seconds, the container's clock) arrives: a line `pts,dts` (seconds) of the first packet.

    `patiently`: for a header that declares an absurd size, with which no decoder opens before it has seen a frame.
    """
    interval = ["-read_intervals", f"{decimal(at)}%+#1", "-select_streams", str(stream)]
    entries = ["-show_entries", "packet=pts_time,dts_time", "-of", "csv=p=0"]
    # The header is enough, most often: looking into the streams decodes their first frames.
    header_only = [] if patiently else ["-nofind_stream_info"]
    return [*_probe(ffprobe, source), *header_only, *interval, *entries, *reading_options(source), source]


def _probe(ffprobe: str, source: str) -> list[str]:
    return [ffprobe, "-v", "error", "-hide_banner"]


def _look(ffmpeg: str, source: str) -> list[str]:
    return [ffmpeg, "-hide_banner", "-nostdin", "-v", "error", *reading_options(source), "-i", source]


def _intervals(intervals: Sequence[str]) -> list[str]:
    return ["-read_intervals", ",".join(intervals)] if intervals else []
