"""Command lines for ffmpeg. Pure: they are built here, compared whole in the tests, and run elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from gilfoyle.media.audio import AUDIO, graphs
from gilfoyle.media.clock import setts
from gilfoyle.media.cmaf import timescale
from gilfoyle.media.colour import named, rendition_scale, rendition_tags, to_rendered
from gilfoyle.media.encoders import VideoEncoder, VideoJob
from gilfoyle.media.formats import IMAGES
from gilfoyle.media.header import lacks_times
from gilfoyle.media.info import AudioInfo, Channel, MediaInfo, VideoInfo
from gilfoyle.media.ladder import AudioRendition, VideoRendition, even
from gilfoyle.media.plan import Plan
from gilfoyle.media.policy import EncodingPolicy, EncodingSettings
from gilfoyle.media.reading import decimal, reading
from gilfoyle.media.timeline import SAMPLE_RATE

# Seek a quarter of a frame late: a stamp that the container rounded down still counts as that frame's keyframe, and the
# frame before it does not.
_SEEK_BIAS = Fraction(1, 4)
# Put the grid an eighth of a frame early: stamps halfway between two frames of the grid (60 → 30, 50 → 25) then round
# the same way in every chunk, whatever the container's clock makes of the chunk's start.
_GRID_BIAS = Fraction(1, 8)


AUDIO_WARM_UP = 24
"""Frames encoded and dropped before a resume, so that the encoder's state is what it would have been (0.5 s of AAC)."""

_MOST_ERRORS = 0.99
"""Of what is decoded so much may be damaged (ffmpeg's own bound is two thirds): what can be decoded is seen and heard,
and in place of the rest the frame before, or silence. Where nothing can be, ffmpeg ends with status 69."""

AUDIO_OVERLAP = 2
"""Frames encoded and dropped after a stretch that is not the last: a frame is heard together with the next."""

# Smaller ones some cards refuse.
_TRIAL_SIZE = "320x180"

# A frame that is transparent in places, on white, as on paper: all that is not opaque is what is missing to white.
_ON_WHITE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("format", {"pix_fmts": "gbrap"}),
    ("negate", {}),
    ("premultiply", {"inplace": 1}),
    ("negate", {}),
    ("format", {"pix_fmts": "gbrp"}),
)


@dataclass(frozen=True)
class VideoOutput:
    """A rendition of a pass. `skip` frames of what the pass decodes are stored already; `frames` are to be encoded."""

    rendition: VideoRendition
    skip: int
    frames: int
    descriptor: int
    """The inherited pipe to which ffmpeg writes."""


def seek_target(plan: Plan, first_segment: int) -> Fraction:
    """Where a pass that begins with that segment is to be sought, on the container's clock (seconds)."""
    grid = plan.grid
    return plan.origin + (first_segment * grid.segment_frames + _SEEK_BIAS) / grid.rate


def video_command(
    binary: str,
    source: str,
    info: MediaInfo,
    plan: Plan,
    policy: EncodingPolicy,
    first_segment: int,
    outputs: Sequence[VideoOutput],
    *,
    entry: Fraction | None,
    threads: int,
    held: bool = False,
) -> list[str]:
    """Decode once from `first_segment` on, and encode each output as fragmented MP4 to its pipe.

    `entry`: where the source is sought for it (ffmpeg/entry.py); None: not at all. `held`: if nothing of what is
    wanted can be decoded, the last frame before it is held.
    """
    assert info.video is not None
    grid = plan.grid
    first = first_segment * grid.segment_frames
    # What is decoded may change midway in size, shape and colour. A graph that is built anew would count anew, so it is
    # not; the filters at both ends of it take what comes.
    steady: dict[str, Any] = {"reinit_filter": 0}
    if info.video.reshaped:
        # Else all frames get the shape of pixels that was found at first.
        steady["nofind_stream_info"] = None
    stream = _input(source, info, None if entry is None else _seek(info, entry), info.video, **steady)
    video = stream["g:0" if info.video.tiled else str(info.video.index)]
    if info.video.still:
        # What follows a photo in its file is its depth, its highlights, and no film.
        video = video.filter("trim", end_frame=1)
    if info.video.square:
        video = video.filter("setsar", 1)
    if info.video.timeless:
        video = video.filter("setpts", f"N/({info.video.frame_rate})/TB")
    elif info.video.late:
        video = video.filter("setpts", f"PTS-({decimal(info.video.late)})/TB")
    if info.video.transparent:
        for name, options in _ON_WHITE:
            video = video.filter(name, **options)
    for name, options in named(info.video.colour):
        video = video.filter(name, **options)
    if info.video.still:
        # For ever, on a clock of its own: the frames that are wanted are counted. Tiles have no length that counts.
        video = video.filter("loop", loop=-1, size=1).filter("settb", f"{grid.rate_den}/{grid.rate_num}")
        video = video.filter("setpts", "N")
    rendered = to_rendered(info.video.colour)
    if info.video.interlaced or rendered:
        # These filters want frames of one size.
        video = _fitted(video, even(info.video.width), even(info.video.height))
    if info.video.interlaced:
        video = video.filter("bwdif", mode="send_frame", deint="interlaced")
    if held:
        # `fps` shows nothing whose end it has seen before its start: so the frame before goes on for ever.
        video = video.filter("fps", fps=f"{grid.rate_num}/{grid.rate_den}")
        video = video.filter("tpad", stop_mode="clone", stop=-1)
    video = video.filter(
        "fps",
        fps=f"{grid.rate_num}/{grid.rate_den}",
        start_time=decimal(plan.origin + (first - _GRID_BIAS) / grid.rate),
        round="near",
        # The last frame is shown even if it ends before its place on the grid does.
        eof_action="pass",
    ).filter("setpts", "PTS-STARTPTS")
    # As long as frames are wanted: what can't be decoded at the end must not fail the whole.
    video = video.filter("tpad", stop_mode="clone", stop=-1)
    for name, options in rendered:
        video = video.filter(name, **options)
    branches = video.filter_multi_output("split", len(outputs)) if len(outputs) > 1 else [video]
    encoded = [
        _video_output(branches[index], output, info.video, plan, policy, threads, is_first=first + output.skip == 0)
        for index, output in enumerate(outputs)
    ]
    return _compile(binary, source, encoded, _device(outputs[0].rendition.encoder))


def trial_command(binary: str, encoder: VideoEncoder, policy: EncodingSettings) -> list[str]:
    """Encode a black frame and throw it away: whether the encoder works is told by the exit status."""
    source = f"color=size={_TRIAL_SIZE}:rate=25"
    video = ffmpeg.input(source, format="lavfi").video.filter("format", pix_fmts="yuv420p")
    for name, how in encoder.upload:
        video = video.filter(name, **how)
    job = VideoJob(crf=21, max_kbps=1000, gop_frames=50, policy=policy, threads=1, is_first=True)
    output = ffmpeg.output(video, "-", **{"frames:v": 1, **encoder.options(job), "f": "null"})
    return _compile(binary, source, [output], _device(encoder))


def _device(encoder: VideoEncoder) -> list[str]:
    return [part for name, value in encoder.device.items() for part in (f"-{name}", str(value))]


def audio_command(
    binary: str,
    source: str,
    info: MediaInfo,
    audio: AudioInfo,
    plan: Plan,
    rendition: AudioRendition,
    first_segment: int,
    end_segment: int,
    descriptor: int,
) -> list[str]:
    """Encode the audio of segments `[first_segment, end_segment)` as fragmented MP4 to a pipe, a frame a fragment.

    The first `audio_skip(plan, rendition, first_segment)` frames are delay and warm-up, for the splitter to drop, and
    so are the frames beyond the end: a frame overlaps with the next, so that one must have been heard, too.
    """
    grid, encoder = plan.audio_grid(rendition), rendition.encoder
    begin = max(0, grid.first_frame(first_segment) - AUDIO_WARM_UP) * grid.frame
    end = min(grid.total_frames, grid.first_frame(end_segment) + AUDIO_OVERLAP)
    length = end * grid.frame - begin
    # A second early: what lies before `begin` is trimmed to the sample below.
    start = plan.origin + Fraction(begin, SAMPLE_RATE) - 1
    seek = _seek(info, start) if (first_segment or plan.lead_s) and info.exact_seek else None
    options = {
        "map": f"[{AUDIO}]",
        "c:a": encoder.name,
        **encoder.options,
        "b:a": f"{rendition.kbps}k",
        "ac": rendition.channels,
        "ar": SAMPLE_RATE,
        "f": "mp4",
        "movflags": "+frag_every_frame+empty_moov+default_base_moof",
        "use_editlist": 0,
        "flush_packets": 0,
    }
    # As options, not as ffmpeg-python's nodes: those would make one graph of them.
    complex_graphs = [
        part
        for graph in graphs(audio, rendition.channels, plan.origin, begin + encoder.advance, length)
        for part in ("-filter_complex", graph)
    ]
    # Where all that is left is damaged, it is silent; but audio of which nothing is heard is none.
    errors = 1 if first_segment else _MOST_ERRORS
    output = ffmpeg.output(_input(source, info, seek, audio, *audio.mono), f"pipe:{descriptor}", **_BARE, **options)
    return _compile(binary, source, [output], complex_graphs, errors)


def texts_command(binary: str, source: str, info: MediaInfo, descriptors: Sequence[int]) -> list[str]:
    """Each of the source's texts as WebVTT to a pipe, timed by the container's clock."""
    stream = _input(source, info, None)
    outputs = [
        ffmpeg.output(stream[str(text.index)], f"pipe:{descriptor}", **_BARE, **{"c:s": "webvtt", "f": "webvtt"})
        for text, descriptor in zip(info.texts, descriptors, strict=True)
    ]
    return _compile(binary, source, outputs)


def audio_skip(plan: Plan, rendition: AudioRendition, first_segment: int) -> int:
    """How many frames precede the first wanted one in `audio_command`'s output."""
    return rendition.encoder.dropped + min(AUDIO_WARM_UP, plan.audio_grid(rendition).first_frame(first_segment))


_BARE: Mapping[str, Any] = {"map_metadata": -1, "map_chapters": -1}


def _video_output(
    branch: Any,
    output: VideoOutput,
    video: VideoInfo,
    plan: Plan,
    policy: EncodingPolicy,
    threads: int,
    *,
    is_first: bool,
) -> Any:
    rendition, grid = output.rendition, plan.grid
    if output.skip:
        branch = branch.filter("trim", start_frame=output.skip).filter("setpts", "PTS-STARTPTS")
    tags, tag_options = rendition_tags(video.colour)
    branch = (
        _fitted(branch, rendition.width, rendition.height, **rendition_scale(video.colour))
        .filter("format", pix_fmts="yuv420p")
        .filter(tags, **tag_options)
    )
    for name, how in rendition.encoder.upload:
        branch = branch.filter(name, **how)
    job = VideoJob(rendition.crf, rendition.max_kbps, grid.gop_frames, policy, threads, is_first)
    options: dict[str, Any] = {
        "frames:v": output.frames,
        **rendition.encoder.options(job),
        "enc_time_base": f"{grid.rate_den}/{grid.rate_num}",
        "f": "mp4",
        "video_track_timescale": timescale(grid),
        "movflags": "+frag_keyframe+empty_moov+default_base_moof+frag_discont",
        "use_editlist": 0,
    }
    return ffmpeg.output(branch, f"pipe:{output.descriptor}", **_BARE, **options)


def _fitted(video: Any, width: int, height: int, **options: Any) -> Any:
    """Square pixels and that size, whatever comes: a frame of another shape gets bars, and is never stretched."""
    shape = {"force_original_aspect_ratio": "decrease", "reset_sar": 1, "force_divisible_by": 2}
    return (
        video.filter("scale", width, height, flags="bicubic+accurate_rnd", **shape, **options)
        .filter("pad", width, height, -1, -1, eval="frame")
        .filter("setsar", 1)
    )


def _input(
    source: str, info: MediaInfo, seek: Fraction | None, *streams: VideoInfo | AudioInfo | Channel, **more: Any
) -> Any:
    """A source, sought (seconds from the container's start) or not, with the clocks of those streams mended."""
    options: dict[str, Any] = {"copyts": None, **more}
    if info.container not in IMAGES:
        # What ffprobe took it for: another release may take some audio for a broadcast.
        options["format"] = info.container
    options |= {"fflags": "+genpts"} if lacks_times(info.container) else {}
    options |= {f"bsf:{stream.index}": setts(stream.shifts) for stream in streams if stream.shifts}
    if seek is not None:
        # Not accurate: frames between the keyframe and the seek point are decoded anyway, and the frame that is on
        # screen at a chunk's start may have begun long before it (variable rate). The fps filter drops what is early.
        options |= {"noaccurate_seek": None, "ss": decimal(seek)}
    return ffmpeg.input(source, **options, **reading(source))


def _seek(info: MediaInfo, at: Fraction) -> Fraction:
    """`-ss` counts from the container's start."""
    return max(Fraction(0), at - info.start)


def _compile(
    binary: str, source: str, outputs: Sequence[Any], more: Sequence[str] = (), errors: float = _MOST_ERRORS
) -> list[str]:
    """The whole line; `more` are options of ffmpeg as a whole; `errors`: of what is decoded so much may be damaged."""
    merged = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    merged = merged.global_args(
        "-hide_banner", "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1", "-y",
        "-max_error_rate", f"{errors:g}", *more,
    )  # fmt: skip
    command: list[str] = ffmpeg.compile(merged, cmd=binary)
    return command
