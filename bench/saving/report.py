"""The results as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from bench.machine import Machine
from bench.results import number
from bench.saving.results import Saving
from bench.tables import figures


def table(found: Mapping[str, Saving], machine: Machine) -> Table:
    """A row per kind of video."""
    headings = ("kbit/s", "VMAF", "fixed kbit/s", "VMAF", "saved, %", "at equal VMAF, %")
    rows = [
        [
            name,
            f"{saving.capped.kbps:.0f}",
            f"{saving.capped.vmaf:.1f}",
            f"{saving.ladder.kbps:.0f}",
            f"{saving.ladder.vmaf:.1f}",
            f"{saving.percent:.0f}",
            number(saving.percent_at_equal_vmaf, 0),
        ]
        for name, saving in found.items()
    ]
    return figures("quality with a bound, against a fixed rate", headings, rows, str(machine))
