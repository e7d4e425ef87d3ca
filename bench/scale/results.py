"""A run with some number of workers, and how runs compare. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import median_of

AIM = 1.9
"""How much faster two workers are to be than one."""


@dataclass(frozen=True)
class Scaled:
    """`wall_s`: from the end of the upload to Ready. CPU seconds from the beginning of the upload."""

    workers: int
    wall_s: float
    cpu_s: list[float]
    """Of each transcode worker and its ffmpegs."""
    servers_cpu_s: dict[str, float | None]


@dataclass(frozen=True)
class Pair:
    """One after the other: the machine drifts."""

    one: Scaled
    two: Scaled

    @property
    def speedup(self) -> float:
        return self.one.wall_s / self.two.wall_s


def summary(pairs: Sequence[Pair]) -> dict[str, float | None]:
    """Medians over the pairs. `servers_cpu_s`: what the servers used beside two workers, of the same two cores."""
    return {
        "speedup_2": median_of(pair.speedup for pair in pairs),
        "wall_1_s": median_of(pair.one.wall_s for pair in pairs),
        "wall_2_s": median_of(pair.two.wall_s for pair in pairs),
        "servers_cpu_s_1": median_of(_servers(pair.one) for pair in pairs),
        "servers_cpu_s_2": median_of(_servers(pair.two) for pair in pairs),
    }


def _servers(run: Scaled) -> float | None:
    known = [seconds for seconds in run.servers_cpu_s.values() if seconds is not None]
    return sum(known) if len(known) == len(run.servers_cpu_s) else None
