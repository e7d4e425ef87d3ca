"""`bench encode`: pairs of runs, the pipeline and then the command, so that both meet the same mood of the machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import handwritten, pipeline
from bench.compare import compare, join
from bench.machine import Machine
from bench.quality import has_vmaf
from bench.report import table
from bench.results import Pair, Quality, Run, summary
from bench.source import CACHE, make
from bench.subject import Subject, examine
from gilfoyle.config import Settings, load
from gilfoyle.errors import InvalidRequest
from gilfoyle.ffmpeg.tools import ffmpeg_path


def encode(*, source: Path | None, seconds: int, runs: int, quality: bool, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the summary as the last line of stdout.

    `quality`: also compare the frames of the first pair. Raises GilfoyleError with a sentence if the file can't be
    compared or a run fails.
    """
    settings = load()
    console = Console(stderr=True)
    if source is not None and not source.is_file():
        raise InvalidRequest(f"There is no file {source}.")
    ffmpeg = ffmpeg_path(settings.tools)
    subject = examine(source or make(CACHE, seconds, ffmpeg, console.print), settings)
    if quality and not has_vmaf(ffmpeg):
        console.print("This ffmpeg has no libvmaf, so the frames are not compared.")
        quality = False
    pairs = []
    with tempfile.TemporaryDirectory(prefix="gfb-") as name:
        ours, by_hand = Path(name) / "pipeline", Path(name) / "handwritten"
        for number in range(1, runs + 1):
            keep = quality and number == 1
            console.print(f"Pair {number} of {runs}: the pipeline …")
            piped = pipeline.run(subject.source, ours if keep else None)
            console.print(f"Pair {number} of {runs}: the hand-written command …")
            pairs.append(Pair(piped, _by_hand(subject, settings, by_hand if keep else None)))
        found = _compare(ffmpeg, subject, ours, by_hand, console) if quality else None
    machine = Machine.here(settings)
    Console().print(table(pairs, subject.name, machine, found))
    if as_json:
        raw = {"source": subject.name, "machine": asdict(machine), "runs": [asdict(pair) for pair in pairs]}
        print(json.dumps({**summary(pairs, found), "vmaf": asdict(found) if found else None, **raw}))


def _by_hand(subject: Subject, settings: Settings, keep: Path | None) -> Run:
    with tempfile.TemporaryDirectory(prefix="gfb-") as folder:
        command = handwritten.command(ffmpeg_path(settings.tools), subject, settings.encoding, Path(folder))
        done = handwritten.run(command, subject, Path(folder))
        if keep is not None:
            join(Path(folder), subject, keep)
    return done


def _compare(ffmpeg: str, subject: Subject, ours: Path, by_hand: Path, console: Console) -> Quality:
    console.print("The frames of both …")
    return compare(ffmpeg, subject, ours, by_hand)
