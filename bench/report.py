"""The results as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bench.machine import Machine
from bench.results import Pair, Quality, median_of, number, summary
from bench.tables import empty

AIMS = {"cpu_ratio": 1.12, "wall_ratio": 1.12, "bytes_ratio": 1.02}
"""What the pipeline may cost at most, as a multiple of the hand-written command."""


def table(pairs: Sequence[Pair], source: str, machine: Machine, quality: Quality | None = None) -> Table:
    """A row per figure: the pipeline, the command, their ratio, and the most that the ratio should be."""
    ratios = summary(pairs)
    ours, by_hand = [pair.pipeline for pair in pairs], [pair.handwritten for pair in pairs]
    shown = empty(source, ("pipeline", "by hand", "ratio", "aim"), f"{machine}; pairs: {len(pairs)}")
    shown.add_row(
        "CPU, s",
        number(median_of(run.cpu_s for run in ours), 1),
        number(median_of(run.cpu_s for run in by_hand), 1),
        number(ratios["cpu_ratio"], 3),
        f"≤ {AIMS['cpu_ratio']:.2f}",
    )
    shown.add_row(
        "wall, s",
        number(median_of(run.wall_s for run in ours), 1),
        number(median_of(run.wall_s for run in by_hand), 1),
        number(ratios["wall_ratio"], 3),
        f"≤ {AIMS['wall_ratio']:.2f}",
    )
    shown.add_row(
        "segments, MB",
        number(median_of(run.total_bytes / 1e6 for run in ours), 1),
        number(median_of(run.total_bytes / 1e6 for run in by_hand), 1),
        number(ratios["bytes_ratio"], 3),
        f"≤ {AIMS['bytes_ratio']:.2f}",
    )
    shown.add_row("first play, s", number(ratios["first_play_s"], 2), "", "", "")
    shown.add_row("upload, s", number(median_of(run.upload_s for run in ours), 2), "", "", "")
    for name, score in (quality.pipeline if quality else {}).items():
        by_the_command = quality.handwritten[name] if quality else None
        shown.add_row(f"VMAF {name}", number(score, 2), number(by_the_command, 2), "", "")
    for server in ours[0].servers_cpu_s:
        shown.add_row(
            f"CPU of {server}, s", number(median_of(run.servers_cpu_s[server] for run in ours), 1), "", "", ""
        )
    return shown
