"""What the time until Ready was spent on, from the activities of a workflow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.history import TRANSCODE, Span

Interval = tuple[float, float]


@dataclass(frozen=True)
class Shares:
    """Seconds of a media's time until it is Ready; their sum is all of it."""

    encoding_s: float
    """At least one of its passes ran."""
    waiting_s: float
    """None ran, and at least one waited for a slot."""
    other_s: float
    """Neither: probing, planning, packaging, the catalog, and the way between."""


def shares(spans: Sequence[Span], ready_s: float) -> Shares:
    """From a workflow's spans, and when its media was Ready (seconds since its start)."""
    passes = [span for span in spans if span.name in TRANSCODE]
    running = _union((span.started, span.ended) for span in passes)
    taken = _union((span.scheduled, span.ended) for span in passes)
    return Shares(
        encoding_s=round(running, 3),
        waiting_s=round(taken - running, 3),
        other_s=round(max(0.0, ready_s - taken), 3),
    )


def longest_wait(spans: Sequence[Span]) -> Span | None:
    """The pass that waited longest for a slot."""
    return max((span for span in spans if span.name in TRANSCODE), key=lambda span: span.waited_s, default=None)


def _union(intervals: Iterable[Interval]) -> float:
    """How long at least one of them lasts."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
