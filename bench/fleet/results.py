"""What a fleet did with a load, and the figures that are made of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.fleet.activities import Busy
from bench.fleet.idle import Idle

AIM = 0.9
AIMED_AT = 50
"""The fleet for which that is the aim."""
# With that much of the cores in use, steps wait for them.
_FULL = 0.75


@dataclass(frozen=True)
class Case:
    """One load on one fleet. Seconds of the wall clock, so of simulated time divided by `speed`."""

    load: str
    slots: int
    speed: float
    medias: int
    makespan_s: float
    """From the first workflow's start until the last media is Ready."""
    busy: Busy
    idle: Idle
    cpu_s: dict[str, float | None]
    """Of this machine meanwhile, by part: what orchestrating cost."""
    cores: int

    @property
    def efficiency(self) -> float:
        """The passes' own time over all that the slots had."""
        return round(self.busy.busy_s / (self.slots * self.makespan_s), 3)

    @property
    def cores_used(self) -> float | None:
        """How much of this machine the orchestration took, 0 to 1."""
        known = [seconds for seconds in self.cpu_s.values() if seconds is not None]
        return round(sum(known) / (self.makespan_s * self.cores), 3) if len(known) == len(self.cpu_s) else None

    @property
    def limit(self) -> str:
        """What kept the slots from being busy all the time, in a few words."""
        if self.efficiency >= AIM:
            return "–"
        if (self.cores_used or 0) >= _FULL:
            return "this machine's cores"
        return "passes to do" if self.idle.nothing_to_do >= self.idle.handing_out else "handing out"


def summary(cases: Sequence[Case]) -> dict[str, float | str | None]:
    """For each size of the fleet the worse of its loads; then each load's own."""
    found: dict[str, float | str | None] = {}
    for slots in sorted({case.slots for case in cases}):
        worst = min((case for case in cases if case.slots == slots), key=lambda case: case.efficiency)
        found[f"efficiency_{slots}"] = worst.efficiency
        found[f"limit_{slots}"] = f"{worst.load}: {worst.limit}"
    return found | {f"efficiency_{case.slots}_{case.load}": case.efficiency for case in cases}
