"""The results as a table."""

from __future__ import annotations

from statistics import median

from rich.table import Table

from bench.api.results import AIMS, Found, Ratio, p99
from bench.machine import Machine
from bench.tables import figures


def table(found: Found, machine: Machine) -> Table:
    """A row per figure."""
    rows = [
        _ratio("one media, CPU; a bare route", found.get, "get_ratio"),
        _ratio(f"50 of {found.medias}; of 1000", found.listed, "list_100k_over_1k"),
    ]
    for name, times in found.searches.items():
        aim = f"≤ {AIMS[f'{name}_p99_ms']:g} ms"
        rows.append([f"{name}: median; p99", f"{median(times):.1f} ms", f"{p99(times):.1f} ms", "", aim])
    return figures("the API", ("ours", "beside", "ratio", "aim"), rows, str(machine))


def _ratio(name: str, ratio: Ratio, figure: str) -> list[str]:
    return [name, f"{ratio.ours_us:.0f} µs", f"{ratio.other_us:.0f} µs", f"{ratio.ratio:.2f}", f"≤ {AIMS[figure]:g}"]
