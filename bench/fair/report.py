"""The results as a table."""

from __future__ import annotations

from rich.table import Table

from bench.fair.results import Fairness, Short, summary
from bench.machine import Machine
from bench.tables import figures

AIM = 3.0
"""How much longer a short upload may take beside a long one, as a multiple of its time on an idle server."""


def table(found: Fairness, machine: Machine) -> Table:
    """A row per short upload, and the figures."""
    headings = ("Ready after, s", "ratio", "waiting, s", "encoding, s", "aim")
    idle = [_row("idle server", short, "") for short in found.idle]
    beside = [
        _row("beside a long one", short, f"{'' if short.is_ready else '> '}{ratio:.2f}")
        for short, ratio in zip(found.beside, found.ratios, strict=True)
    ]
    total = summary(found)
    rows = [
        *idle,
        *beside,
        ["worst", "", f"{total['worst_ratio']:.2f}", "", "", f"≤ {AIM:g}"],
        ["median", "", f"{total['median_ratio']:.2f}", "", "", ""],
        ["longest pass of the long one", "", "", "", f"{total['longest_pass_s']:.1f}", ""],
    ]
    return figures("short uploads beside a long one", headings, rows, str(machine))


def _row(name: str, short: Short, ratio: str) -> list[str]:
    parts = short.shares
    shares = [f"{parts.waiting_s:.1f}", f"{parts.encoding_s:.1f}"] if parts else ["", ""]
    return [name, f"{short.ready_s:.1f}", ratio, *shares, ""]
