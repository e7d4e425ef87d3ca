"""What both sides encode: the file, and the ladder that Gilfoyle's planner chooses for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from gilfoyle.config import Settings
from gilfoyle.errors import UnsupportedMedia
from gilfoyle.ffmpeg.tools import ffprobe_path
from gilfoyle.media import probe
from gilfoyle.media.ffprobe import probe_command
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.packets import Measured
from gilfoyle.media.plan import Plan, make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.refusals import Limits


@dataclass(frozen=True)
class Subject:
    """A file with what is known of it."""

    source: Path
    info: MediaInfo
    plan: Plan

    @property
    def name(self) -> str:
        """The file in a few words."""
        video = self.info.video
        size = f"{video.width}×{video.height}" if video else "no video"
        rate = f"{float(self.plan.grid.rate):g} fps" if video else ""
        bit_rate = f"{(self.info.bit_rate or 0) / 1e6:.1f} Mbit/s"
        return f"{self.source.name}: {float(self.plan.grid.duration):.1f} s, {size} {rate}, {bit_rate}"

    @property
    def renditions(self) -> list[str]:
        """The names of all."""
        return [*(each.name for each in self.plan.video), *(each.name for each in self.plan.audio)]


def examine(file: Path, settings: Settings) -> Subject:
    """Probe the file and plan its ladder. Raises UnsupportedMedia for what no single command could do alike."""
    command = probe_command(ffprobe_path(settings.tools), str(file))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnsupportedMedia(f"{file.name} can't be read: {done.stderr.strip()[-500:]}")
    header = json.loads(done.stdout)
    limits = settings.limits
    bounds = Limits(duration_s=limits.duration_s, side_px=limits.side_px, streams=limits.streams)
    info = probe.read(header, probe.Findings(_declared(header)), bounds)
    if info.video is None or info.video.interlaced or info.video.colour.hdr or info.video.variable:
        raise UnsupportedMedia(
            f"{file.name} is not a progressive SDR video of constant rate: the hand-written command could not do "
            "the same work. Choose another file."
        )
    return Subject(file, info, make_plan(info, EncodingPolicy.of(settings.encoding)))


def _declared(header: Mapping[str, Any]) -> dict[int, Measured]:
    """What each stream's header says of it: good enough for a ladder."""
    whole = header["format"].get("duration", 0)
    found = {}
    for stream in header["streams"]:
        start = Fraction(stream.get("start_time", 0))
        found[stream["index"]] = Measured(start, start + Fraction(stream.get("duration", whole)))
    return found
