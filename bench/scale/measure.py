"""`bench scale`: the same film with one transcode worker, and with two."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from bench.machine import Machine
from bench.scale.report import table
from bench.scale.results import Pair, summary
from bench.scale.run import cores, run
from bench.source import CACHE, make_long
from gilfoyle.config import load
from gilfoyle.errors import InvalidRequest
from gilfoyle.ffmpeg.tools import ffmpeg_path

# Cheaper to encode than 1080p, of which ten minutes take half an hour; with 360p the servers, which share the two
# cores, would have an eighth of the workers' CPU, and no real film is like that.
_SIZE, _KBPS = (1280, 720), 2500


def scale(*, source: Path | None, seconds: int, runs: int, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the figures as the last line of stdout. Raises GilfoyleError."""
    cores()
    if source is not None and not source.is_file():
        raise InvalidRequest(f"There is no file {source}.")
    settings = load()
    console = Console(stderr=True)
    film = source or make_long(CACHE, seconds, ffmpeg_path(settings.tools), console.print, kbps=_KBPS, size=_SIZE)
    pairs = []
    for number in range(1, runs + 1):
        console.print(f"Pair {number} of {runs}: one worker …")
        one = run(film, 1)
        console.print(f"Pair {number} of {runs}: two workers …")
        pairs.append(Pair(one, run(film, 2)))
    machine = replace(Machine.here(settings), slots=1, threads=1)
    Console().print(table(pairs, film.name, machine))
    if as_json:
        raw = {"source": film.name, "machine": asdict(machine), "runs": [asdict(pair) for pair in pairs]}
        print(json.dumps({**summary(pairs), **raw}))
