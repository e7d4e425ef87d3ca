"""The command lines: Gilfoyle's own, and the same with a fixed rate in place of a quality. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.subject import Subject
from gilfoyle.media.ffmpeg import VideoOutput, video_command
from gilfoyle.media.policy import EncodingPolicy

# A descriptor's number; in its place comes a file.
_PIPE = 9


def capped(ffmpeg: str, subject: Subject, policy: EncodingPolicy, file: Path, *, threads: int) -> list[str]:
    """The best rendition of the subject's ladder, all of it in one pass, as a worker would encode it."""
    output = VideoOutput(rendition=subject.plan.video[0], skip=0, frames=subject.plan.grid.frames, descriptor=_PIPE)
    source, info, plan = str(subject.source), subject.info, subject.plan
    line = video_command(ffmpeg, source, info, plan, policy, 0, [output], entry=None, threads=threads)
    return [str(file) if part == f"pipe:{_PIPE}" else part for part in line]


def fixed(line: Sequence[str], kbps: int, buffer_s: float) -> list[str]:
    """The same line with a fixed rate, bounded by itself over the same buffer."""
    changed = [*line]
    place = changed.index("-crf")
    changed[place : place + 2] = ["-b:v", f"{kbps}k"]
    changed[changed.index("-maxrate") + 1] = f"{kbps}k"
    changed[changed.index("-bufsize") + 1] = f"{round(kbps * buffer_s)}k"
    return changed
