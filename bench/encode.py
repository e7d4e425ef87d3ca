"""`bench encode`: pairs of runs, the pipeline and then the command, so that both meet the same mood of the machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import handwritten, pipeline
from bench.machine import Machine
from bench.report import table
from bench.results import Pair, Run, summary
from bench.source import make
from bench.subject import Subject, examine
from gilfoyle.config import Settings, load
from gilfoyle.embedded.tools import ffmpeg_path
from gilfoyle.errors import InvalidRequest

CACHE = Path(__file__).parent / "cache"


def encode(*, source: Path | None, seconds: int, runs: int, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the summary as the last line of stdout.

    Raises GilfoyleError with a sentence if the file can't be compared or a run fails.
    """
    settings = load()
    console = Console(stderr=True)
    if source is not None and not source.is_file():
        raise InvalidRequest(f"There is no file {source}.")
    file = source or make(CACHE, seconds, ffmpeg_path(settings.tools), console.print)
    subject = examine(file, settings)
    pairs = []
    for number in range(1, runs + 1):
        console.print(f"Pair {number} of {runs}: the pipeline …")
        ours = pipeline.run(subject.source)
        console.print(f"Pair {number} of {runs}: the hand-written command …")
        pairs.append(Pair(pipeline=ours, handwritten=_by_hand(subject, settings)))
    machine = Machine.here(settings)
    Console().print(table(pairs, subject.name, machine))
    if as_json:
        figures = summary(pairs)
        raw = {"source": subject.name, "machine": asdict(machine), "runs": [asdict(pair) for pair in pairs]}
        print(json.dumps({**figures, **raw}))


def _by_hand(subject: Subject, settings: Settings) -> Run:
    with tempfile.TemporaryDirectory(prefix="gilfoyle-bench-") as folder:
        command = handwritten.command(ffmpeg_path(settings.tools), subject, settings.encoding, Path(folder))
        return handwritten.run(command, subject, Path(folder))
