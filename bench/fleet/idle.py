"""Why slots were idle, from the passes of all workflows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.history import TRANSCODE, Span


@dataclass(frozen=True)
class Idle:
    """Shares of slots × makespan, 0 to 1."""

    nothing_to_do: float
    """No pass waited: the workflows had handed out all that they would, or had not come to it."""
    handing_out: float
    """Passes waited, and had not reached the idle slots yet."""


def idle(spans: Iterable[Span], slots: int, begin: float, end: float) -> Idle:
    """From all workflows' spans on one clock, between two moments of it (seconds)."""
    steps: list[tuple[float, int, int]] = []
    for span in spans:
        if span.name in TRANSCODE:
            steps += [(span.scheduled, 1, 0), (span.started, -1, 1), (span.ended, 0, -1)]
    nothing = handing = 0.0
    waiting = running = 0
    now = begin
    for at, more_waiting, more_running in [*sorted(steps), (end, 0, 0)]:
        free = max(0, slots - running)
        held_up = min(free, waiting)
        handing += held_up * (at - now)
        nothing += (free - held_up) * (at - now)
        waiting, running, now = waiting + more_waiting, running + more_running, at
    whole = slots * (end - begin)
    return Idle(round(nothing / whole, 3), round(handing / whole, 3))
