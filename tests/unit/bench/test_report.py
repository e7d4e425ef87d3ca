"""The table."""

from __future__ import annotations

import io

from rich.console import Console

from bench.machine import Machine
from bench.report import table
from tests.unit.bench.figures import pair

MACHINE = Machine(cores=2, system="Linux x86_64", ffmpeg="9.0", slots=2, threads=1)


def shown(*pairs: object) -> list[list[str]]:
    """The cells of each row."""
    console = Console(file=io.StringIO(), width=120)
    console.print(table(pairs, "film.mp4", MACHINE))  # type: ignore[arg-type]
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "film.mp4" in text
    assert "2 cores, Linux x86_64, ffmpeg 9.0, 2 × 1 threads" in text
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]


def test_a_row_has_both_sides_their_ratio_and_the_aim() -> None:
    rows = shown(pair())
    assert ["CPU, s", "115.0", "100.0", "1.150", "≤ 1.12"] in rows
    assert ["wall, s", "60.0", "50.0", "1.200", "≤ 1.12"] in rows
    assert ["first play, s", "2.00", "", "", ""] in rows
    assert ["CPU of Temporal, s", "2.0", "", "", ""] in rows


def test_what_could_not_be_measured_is_a_dash() -> None:
    assert ["CPU, s", "–", "100.0", "–", "≤ 1.12"] in shown(pair(cpu=(None, 100)))
