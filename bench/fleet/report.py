"""The results as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bench.fleet.results import AIM, AIMED_AT, Case
from bench.machine import Machine
from bench.results import number
from bench.tables import figures


def table(cases: Sequence[Case], machine: Machine) -> Table:
    """A row per fleet and load."""
    headings = ("speed", "wall, s", "efficient", "no pass", "late", "cores", "limit")
    rows = [
        [
            f"{case.slots}, {case.medias} {case.load}",
            f"{case.speed:.1f}",
            f"{case.makespan_s:.1f}",
            f"{case.efficiency:.3f}",
            f"{case.idle.nothing_to_do:.2f}",
            f"{case.idle.handing_out:.2f}",
            number(case.cores_used, 2),
            case.limit,
        ]
        for case in cases
    ]
    title = f"slots of a simulated fleet; the aim is an efficiency of {AIM:g} with {AIMED_AT}"
    return figures(title, headings, rows, str(machine))
