"""ffmpeg's fragmented MP4 by the very command lines that are used, from frames that ffmpeg makes up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from gilfoyle.media.cmaf import Segment, Splitter
from gilfoyle.media.ffmpeg import VideoOutput, audio_command, seek_target, video_command
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Plan, make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.timeline import AudioTimeline
from tests.sources import FFMPEG, run
from tests.unit.media.infos import audio, media, video

POLICY = EncodingPolicy(preset="ultrafast", gop_s=0.5)


def lavfi(command: list[str]) -> bytes:
    """Run a command line on a source that lavfi makes up; the output's pipe is stdout, so progress is left out."""
    words = list(command)
    for name in ("-format_whitelist", "-protocol_whitelist", "-progress"):
        at = words.index(name)
        del words[at : at + 2]
    at = words.index("-i")
    words[at:at] = ["-f", "lavfi"]
    return run(*words)


def small(rate: Fraction, seconds: Fraction, *, audio_only: bool = False) -> tuple[MediaInfo, Plan]:
    """Video of 64×36 at `rate`, or audio only."""
    seen = video(width=64, height=36, frame_rate=rate, end=seconds)
    info = media(None, audio(index=0, end=seconds)) if audio_only else media(seen)
    return info, make_plan(info, POLICY)


def audio_only_grid(seconds: Fraction) -> AudioTimeline:
    """Where audio only is cut."""
    plan = small(Fraction(30), seconds, audio_only=True)[1]
    return plan.audio_grid(plan.audio[0])


def video_bytes(rate: Fraction, seconds: Fraction, first: int, count: int, *, preset: str = "ultrafast") -> bytes:
    """What ffmpeg writes for segments `[first, first + count)` of moving bars."""
    info, plan = small(rate, seconds)
    frames = plan.grid.segment_bounds(first + count - 1)[1] - first * plan.grid.segment_frames
    output = VideoOutput(plan.video[0], 0, frames, 1)
    source = f"testsrc2=size=64x36:rate={rate}:duration={float(seconds):.3f}"
    policy = POLICY.model_copy(update={"preset": preset})
    entry = seek_target(plan, first) if first else None
    return lavfi(video_command(FFMPEG, source, info, plan, policy, first, [output], entry=entry, threads=1))


def audio_bytes(seconds: Fraction, first: int) -> bytes:
    """What ffmpeg writes for a tone from segment `first` on."""
    info, plan = small(Fraction(30), seconds, audio_only=True)
    assert info.main_audio
    source = f"sine=frequency=440:sample_rate=48000:duration={float(seconds):.3f}"
    end = audio_only_grid(seconds).segments
    return lavfi(audio_command(FFMPEG, source, info, info.main_audio, plan, plan.audio[0], first, end, 1))


def split(splitter: Splitter, pieces: Sequence[bytes] | Iterator[bytes]) -> list[Segment]:
    """All segments of a stream that comes in these pieces."""
    found = [segment for piece in pieces for segment in splitter.feed(piece)]
    return [*found, *splitter.finish()]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces of `size` bytes."""
    return (data[at : at + size] for at in range(0, len(data), size))
