"""The results as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bench.machine import Machine
from bench.results import median_of, number
from bench.scale.results import AIM, Pair, summary
from bench.tables import figures


def table(pairs: Sequence[Pair], source: str, machine: Machine) -> Table:
    """What one worker and two took."""
    total = summary(pairs)
    encoding = [
        median_of(sum(run.cpu_s) for run in runs) for runs in zip(*((p.one, p.two) for p in pairs), strict=True)
    ]
    rows = [
        [
            "wall, s",
            number(total["wall_1_s"], 1),
            number(total["wall_2_s"], 1),
            number(total["speedup_2"], 2),
            f"≥ {AIM}",
        ],
        ["CPU of the workers, s", *(number(seconds, 1) for seconds in encoding), "", ""],
        ["CPU of the servers, s", number(total["servers_cpu_s_1"], 1), number(total["servers_cpu_s_2"], 1), "", ""],
    ]
    return figures(source, ("1 worker", "2 workers", "speed-up", "aim"), rows, f"{machine}; pairs: {len(pairs)}")
