"""What became of each cycle of uploads: the figures that have an aim. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

FIRST_AIM_S, REDONE_AIM = 20.0, 0.01


@dataclass(frozen=True)
class Sample:
    """`at` in seconds of the Unix epoch; `wanted`: the Deployment's `spec.replicas`; `pods`: with those that end."""

    at: float
    wanted: int
    pods: int
    long: int
    """Passes that run, of those that slots are for."""
    running: int
    """All that run, the short ones too."""


@dataclass(frozen=True)
class Cycle:
    """From none to many workers and back. Times in seconds since the first pass was queued."""

    first_wanted_s: float
    first_replica_s: float
    """When the first pod was ready: its worker polls."""
    ready_s: float
    """When all uploads were Ready."""
    none_s: float
    """When the last pod was gone."""
    most: int
    below_running: int
    """Samples in which fewer workers were wanted than the long passes that ran have slots for."""
    lowered_below_running: int
    """How often the number was lowered to fewer than all passes that ran need."""
    idle_replicas: int
    """The most that were wanted, or there, in a while after the last was gone."""


@dataclass(frozen=True)
class Found:
    """All of a run."""

    cycles: list[Cycle]
    segments: int
    redone: int
    ended: int
    ended_busy: int
    """Pods that were told to end, and those of them that ran a pass then, and handed it over."""
    told_busy: int
    """Pods that wrote their deletion cost once."""

    def summary(self) -> dict[str, float]:
        """The worst of the cycles."""
        return {
            "first_replica_s": round(max(each.first_replica_s for each in self.cycles), 1),
            "below_running": sum(each.below_running for each in self.cycles),
            "lowered_below_running": sum(each.lowered_below_running for each in self.cycles),
            "redone_share": round(self.redone / max(1, self.segments), 4),
            "idle_replicas": max(each.idle_replicas for each in self.cycles),
        }


def needed(passes: int, slots: int) -> int:
    """Workers that so many passes keep busy."""
    return math.ceil(passes / slots)


def below_running(samples: Sequence[Sample], slots: int) -> int:
    """See Cycle."""
    return sum(each.wanted < needed(each.long, slots) for each in samples)


def lowered_below_running(samples: Sequence[Sample], slots: int) -> int:
    """See Cycle."""
    return sum(
        after.wanted < before.wanted and after.wanted < needed(after.running, slots)
        for before, after in pairwise(samples)
    )
