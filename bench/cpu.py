"""CPU time of the processes of a `gilfoyle up`, by part, with what their ended children used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import psutil

WORKERS, API, TEMPORAL, POSTGRES, UP = "workers", "API", "Temporal", "PostgreSQL", "up"
PARTS = (WORKERS, API, TEMPORAL, POSTGRES, UP)

COUNTS_CHILDREN = sys.platform.startswith("linux")
"""Whether the system tells what ended children used: Linux does, for macOS psutil says 0, and ffmpeg is lost."""


def used(root: int) -> dict[str, float | None]:
    """Seconds of user and system time that each part has used since it was started. `root` is the pid of `up`.

    The difference of two calls is what was used between them: an ffmpeg is counted as itself while it runs, and as
    its worker's child once it has ended.
    """
    if not COUNTS_CHILDREN:
        return dict.fromkeys(PARTS)
    top = psutil.Process(root)
    own = top.cpu_times()
    found = dict.fromkeys(PARTS, 0.0)
    found[UP] = own.user + own.system
    for child in top.children():
        found[part_of(_command(child))] += with_children(child)
    return dict(found)


def difference(before: dict[str, float | None], after: dict[str, float | None]) -> dict[str, float | None]:
    """`after` - `before`, part by part; None stays None."""
    return {name: _minus(after[name], before[name]) for name in PARTS}


def part_of(command: Sequence[str]) -> str:
    """Which part a direct child of `up` is, by its command line."""
    if "-m" in command and "gilfoyle" in command:
        return WORKERS if "worker" in command else API
    program = command[0].rpartition("/")[2] if command else ""
    if program.startswith("temporal"):
        return TEMPORAL
    return POSTGRES if program.startswith("postgres") else UP


def with_children(process: psutil.Process) -> float:
    """The process, its descendants, and whichever of them have ended."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _minus(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else round(after - before, 2)
