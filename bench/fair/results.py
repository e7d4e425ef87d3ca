"""What became of each short upload, and the figures that are made of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.fair.waiting import Shares
from bench.history import Span


@dataclass(frozen=True)
class Short:
    """One short upload. `ready_s`: from the end of the upload to Ready; if it was not, how long it was waited for."""

    ready_s: float
    is_ready: bool
    shares: Shares | None
    """Of those that are Ready."""
    longest_wait: Span | None


@dataclass(frozen=True)
class Fairness:
    """Short uploads on an idle server, and beside a long one."""

    idle: list[Short]
    beside: list[Short]
    long_passes: list[Span]
    """The long one's passes that ended meanwhile."""

    @property
    def idle_ready_s(self) -> float:
        """The median."""
        return round(median(short.ready_s for short in self.idle), 3)

    @property
    def ratios(self) -> list[float]:
        """Each one's time over that on an idle server; a lower bound for those that were given up."""
        return [round(short.ready_s / self.idle_ready_s, 3) for short in self.beside]


def summary(found: Fairness) -> dict[str, float]:
    """The figures. `unfinished`: how many were not Ready when they were given up."""
    waiting = [short.shares.waiting_s for short in found.beside if short.shares]
    encoding = [short.shares.encoding_s for short in found.beside if short.shares]
    return {
        "worst_ratio": max(found.ratios),
        "median_ratio": round(median(found.ratios), 3),
        "idle_ready_s": found.idle_ready_s,
        "unfinished": sum(not short.is_ready for short in found.beside),
        "median_waiting_s": _median(waiting),
        "median_encoding_s": _median(encoding),
        "longest_pass_s": max((span.ran_s for span in found.long_passes), default=0.0),
    }


def _median(values: Sequence[float]) -> float:
    return round(median(values), 3) if values else 0.0
