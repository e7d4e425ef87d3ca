"""Rates and qualities, and what is saved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from statistics import mean


@dataclass(frozen=True)
class Point:
    """An encode: its real rate, and its mean VMAF."""

    kbps: float
    vmaf: float


@dataclass(frozen=True)
class Saving:
    """One kind of video. `fixed`: with fixed rates, ascending; the last is the ladder's."""

    capped: Point
    fixed: list[Point]

    @property
    def ladder(self) -> Point:
        """What a ladder of fixed rates would serve."""
        return self.fixed[-1]

    @property
    def percent(self) -> float:
        """Bits saved against the ladder's fixed rate."""
        return _saved(self.capped.kbps, self.ladder.kbps)

    @property
    def vmaf_lost(self) -> float:
        """And what that costs in quality."""
        return round(self.ladder.vmaf - self.capped.vmaf, 2)

    @property
    def percent_at_equal_vmaf(self) -> float | None:
        """Bits saved against the fixed rate that gives the same quality; None if none of those tried reaches it."""
        same = rate_for(self.fixed, self.capped.vmaf)
        return None if same is None else _saved(self.capped.kbps, same)


def rate_for(points: Sequence[Point], vmaf: float) -> float | None:
    """The rate at which a curve has that quality: between two points the quality grows with the rate's logarithm."""
    ordered = sorted(points, key=lambda point: point.kbps)
    for low, high in pairwise(ordered):
        if low.vmaf <= vmaf <= high.vmaf and high.vmaf > low.vmaf:
            share = (vmaf - low.vmaf) / (high.vmaf - low.vmaf)
            return exp(log(low.kbps) + share * (log(high.kbps) - log(low.kbps)))
    return None


def summary(found: Mapping[str, Saving]) -> dict[str, float | None]:
    """The figures of each kind, and the mean of what is saved against the ladder's fixed rate."""
    figures: dict[str, float | None] = {"saving_pct": round(mean(saving.percent for saving in found.values()), 1)}
    for name, saving in found.items():
        figures[f"saving_pct_{name}"] = saving.percent
        figures[f"vmaf_lost_{name}"] = saving.vmaf_lost
        figures[f"saving_equal_vmaf_pct_{name}"] = saving.percent_at_equal_vmaf
    return figures


def _saved(ours: float, other: float) -> float:
    return round(100 * (1 - ours / other), 1)
