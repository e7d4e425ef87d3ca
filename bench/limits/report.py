"""The results as a table."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from bench.limits.memory import API, WORKERS, Levels
from bench.limits.results import (
    GROWTH_MB,
    LONGEST_TASK_S,
    MARGIN,
    MOST_EVENTS,
    MOST_MB,
    MOST_PAYLOAD_KB,
    WARNED_EVENTS,
    WARNED_MB,
    Crowd,
    Found,
    Long,
    Wide,
    growth,
)
from bench.machine import Machine
from bench.results import number
from bench.tables import figures


def table(found: Found, machine: Machine) -> Table:
    """What each part took, and the most that it should."""
    rows = [*(_crowd(found.crowd) if found.crowd else [])]
    for part, long in found.longs.items():
        rows += _long(f"{part} of {long.hours:g} h", long)
    if found.wide:
        rows += _wide(found.wide)
    return figures("many at once, and very long ones", ("", "aim"), rows, str(machine))


def _crowd(crowd: Crowd) -> Iterator[list[str]]:
    yield ["uploads that are Ready", str(crowd.ready), str(crowd.uploads)]
    yield ["  all accepted after, s", number(crowd.accepted_s, 1), ""]
    yield ["  all Ready after, s", number(crowd.wall_s, 1), ""]
    yield ["  Ready each second", number(crowd.ready / crowd.wall_s, 2), ""]
    yield ["  longest queue", str(crowd.longest_queue), ""]
    yield from _memory(crowd.memory)


def _long(name: str, long: Long) -> Iterator[list[str]]:
    warned = long.history_events >= WARNED_EVENTS or long.history_mb >= WARNED_MB
    yield [f"{name}: events of its history", f"{long.history_events:,}", f"< {MOST_EVENTS:,}"]
    yield ["  MB of its history", number(long.history_mb, 2), f"< {MOST_MB}"]
    yield ["  Temporal warns", "yes" if warned else "no", ""]
    yield ["  Ready after, s", number(long.wall_s, 1), ""]
    yield ["  slowest playlist, ms", number(long.playlist_ms, 1), ""]
    yield from _memory(long.memory)


def _wide(wide: Wide) -> Iterator[list[str]]:
    yield [f"{wide.renditions} renditions of {wide.hours:g} h: runs of the workflow", str(wide.runs), ""]
    yield ["  most events of a run", f"{max(wide.history_events):,}", f"< {MOST_EVENTS // MARGIN:,}"]
    yield ["  most MB of a run", number(wide.history_mb, 2), f"< {MOST_MB // MARGIN}"]
    yield ["  largest payload, KB", number(wide.largest_payload_kb, 1), f"< {MOST_PAYLOAD_KB // MARGIN:,}"]
    yield ["  longest workflow task, s", number(wide.longest_task_s, 2), f"< {LONGEST_TASK_S}"]
    yield ["  workflow tasks that failed", str(wide.failed_tasks), "0"]
    yield ["  passes", f"{wide.passes:,}", ""]
    yield ["  segments, each stored once", f"{wide.segments:,}", ""]
    yield ["  Ready after, s", number(wide.wall_s, 1), ""]


def _memory(memory: dict[str, Levels]) -> Iterator[list[str]]:
    yield ["  MB at first / a tenth / peak / end", "", ""]
    for kind, each in memory.items():
        levels = " / ".join(number(mb, 0) for mb in (each.begin, each.tenth, each.peak, each.end))
        yield [f"    {kind}", levels, ""]
    yield ["  API has grown by, MB", number(growth(memory, API), 1), f"≤ {GROWTH_MB}"]
    yield ["  workers have grown by, MB", number(growth(memory, *WORKERS), 1), f"≤ {GROWTH_MB}"]
