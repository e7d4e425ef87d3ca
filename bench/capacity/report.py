"""The results as a table."""

from __future__ import annotations

from rich.table import Table

from bench.capacity.results import Found, Window
from bench.machine import Machine
from bench.tables import figures


def table(found: Found, machine: Machine) -> Table:
    """What has a limit first, then the rest; a column for the idle and one for the loaded fleet."""
    rows = [
        [each.name, f"{each.idle:g}", f"{each.loaded:g}", f"{each.limit:g}", "yes" if each.is_inside else "NO"]
        for each in found.measures()
    ]
    rows += [[name, idle, loaded, "", ""] for name, idle, loaded in _others(found)]
    title = f"{found.workers} workers that encode, of {found.slots} slots, and {found.light} for all else"
    return figures(title, ("idle", "loaded", "limit", "inside"), rows, str(machine))


def _others(found: Found) -> list[tuple[str, str, str]]:
    idle, loaded = found.idle, found.loaded

    def row(name: str, tell: str, form: str = "g") -> tuple[str, str, str]:
        return name, *(format(getattr(each, tell), form) for each in (idle, loaded))  # type: ignore[return-value]

    passes = loaded.passes
    per_process = max((count for name, count in loaded.database_connections.items() if "-" in name), default=0)
    return [
        ("requests that Temporal refused, a second", _refused(idle), _refused(loaded)),
        row("connections to Temporal", "temporal_connections"),
        row("Temporal's cores", "temporal_cores", ".2f"),
        row("Temporal's memory, MB", "temporal_mb", ".0f"),
        ("pollers of transcode, first, verify", _pollers(idle), _pollers(loaded)),
        ("connections of one light process to PostgreSQL, at most", "", str(per_process)),
        ("passes that run", f"{idle.passes.running:.0f}", f"{passes.running:.0f}"),
        ("passes that end, a second", "", f"{passes.ended / loaded.seconds:.2f}"),
        ("schedule to start, s: median, 95 %", "", f"{passes.waited_p50_s:.3f}, {passes.waited_p95_s:.3f}"),
        ("passes that failed", "", str(passes.failed)),
    ]


def _refused(window: Window) -> str:
    return ", ".join(f"{rate:g} {cause}" for cause, rate in window.refused.items()) or "0"


def _pollers(window: Window) -> str:
    return ", ".join(str(window.pollers.get(queue, 0)) for queue in ("transcode", "first", "verify"))
