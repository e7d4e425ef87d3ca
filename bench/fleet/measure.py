"""`bench fleet`: each load on fleets of several sizes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import server
from bench.fleet import case
from bench.fleet.case import Fleet, Load
from bench.fleet.report import table
from bench.fleet.results import Case, summary
from bench.fleet.sources import inits, still
from bench.machine import Machine
from bench.source import CACHE
from gilfoyle.config import load

LONG, SHORT = "long", "short"
_SHORT_S = 10


def fleet(
    sizes: Sequence[int], *, long_s: int, shorts: int, least_s: float, speed: float | None, as_json: bool
) -> None:
    """Measure and print: a table, and with `as_json` the figures as the last line of stdout. Raises GilfoyleError."""
    settings = load()
    console = Console(stderr=True)
    loads = [
        Load(LONG, still(CACHE, long_s, settings, console.print), 1),
        Load(SHORT, still(CACHE, _SHORT_S, settings, console.print), shorts),
    ]
    found: list[Case] = []
    with tempfile.TemporaryDirectory(prefix="gfb-") as folder, server.running() as up:
        inits(loads[0].subject, settings, Path(folder))
        for load_ in loads:
            for slots in sizes:
                console.print(f"{slots} slots, {load_.name} …")
                found.append(case.run(up, load_, Fleet(slots, least_s, speed, Path(folder))))
    machine = Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        cases = [
            asdict(each) | {"efficiency": each.efficiency, "cores_used": each.cores_used, "limit": each.limit}
            for each in found
        ]
        print(json.dumps({**summary(found), "machine": asdict(machine), "cases": cases}))
