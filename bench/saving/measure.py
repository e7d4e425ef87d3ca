"""`bench saving`: each kind of video by quality, as Gilfoyle does it, and by fixed rates."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.machine import Machine
from bench.quality import Reference, has_vmaf, vmaf
from bench.saving.kinds import kinds
from bench.saving.lines import capped, fixed
from bench.saving.report import table
from bench.saving.results import Point, Saving, summary
from bench.source import CACHE
from bench.subject import Subject, examine
from gilfoyle.config import Settings, load
from gilfoyle.errors import EncodeFailed, StartupError
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.media.policy import EncodingPolicy

# Fixed rates that are tried, as multiples of what the quality has cost: around it, to find the one of equal quality.
_AROUND = (0.6, 0.9, 1.2, 1.6)


def saving(*, seconds: int, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the figures as the last line of stdout. Raises GilfoyleError."""
    settings = load()
    console = Console(stderr=True)
    ffmpeg = ffmpeg_path(settings.tools)
    if not has_vmaf(ffmpeg):
        raise StartupError("This ffmpeg has no libvmaf: set tools.ffmpeg to one that has, such as imageio-ffmpeg's.")
    found = {}
    for name, file in kinds(CACHE, seconds, ffmpeg, console.print):
        console.print(f"{name} …")
        found[name] = _measure(ffmpeg, examine(file, settings), settings)
    machine = Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        raw = {"machine": asdict(machine), "kinds": {name: asdict(each) for name, each in found.items()}}
        print(json.dumps({**summary(found), **raw}))


def _measure(ffmpeg: str, subject: Subject, settings: Settings) -> Saving:
    policy, rung = EncodingPolicy.of(settings.encoding), subject.plan.video[0]
    with tempfile.TemporaryDirectory(prefix="gfb-") as folder:
        file = Path(folder) / "capped.mp4"
        line = capped(ffmpeg, subject, policy, file, threads=os.cpu_count() or 1)
        _run(line)
        kbps = _kbps(file, subject)
        rates = sorted({*(round(kbps * factor) for factor in _AROUND if kbps * factor < rung.max_kbps), rung.max_kbps})
        files = [Path(folder) / f"{rate}.mp4" for rate in rates]
        for rate, each in zip(rates, files, strict=True):
            _run([str(each) if part == str(file) else part for part in fixed(line, rate, policy.buffer_s)])
        ours, *others = _points(ffmpeg, subject, [file, *files])
    return Saving(ours, others)


def _points(ffmpeg: str, subject: Subject, files: Sequence[Path]) -> list[Point]:
    video = subject.info.video
    assert video is not None  # `examine` refuses a file without video
    reference = Reference(subject.source, video.width, video.height, subject.plan.grid.rate)
    scores = vmaf(ffmpeg, reference, files)
    return [Point(_kbps(file, subject), score) for file, score in zip(files, scores, strict=True)]


def _kbps(file: Path, subject: Subject) -> float:
    return round(file.stat().st_size * 8 / 1000 / float(subject.plan.grid.duration), 1)


def _run(line: Sequence[str]) -> None:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EncodeFailed(f"ffmpeg could not encode this: {done.stderr.strip()[-500:]}")
