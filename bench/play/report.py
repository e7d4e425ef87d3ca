"""The results as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from bench.machine import Machine
from bench.play.results import Played
from bench.play.watch import Watched
from bench.tables import figures


def table(found: Mapping[str, Played], machine: Machine) -> Table:
    """A row per film; below them, how the lowest rung fared."""
    rows = [
        [name, f"{played.source_bytes / 1e6:.0f}", f"{played.upload_s:.1f}", f"{played.first_play_s:.2f}"]
        for name, played in found.items()
    ]
    watched = [row for name, played in found.items() if played.watched for row in _watched(name, played.watched)]
    return figures("first play", ("source, MB", "upload, s", "first play, s"), [*rows, *watched], str(machine))


def _watched(name: str, watched: Watched) -> list[list[str]]:
    return [
        [f"{name}, lowest rung: speed in {watched.window_s:.0f} s", "", "", f"{watched.lowest_rung_speed:.2f}"],
        [f"{name}, a player stalls", "", "", f"{len(watched.stalls)} ×, {watched.stalled_s:.1f} s"],
    ]
