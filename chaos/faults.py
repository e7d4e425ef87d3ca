"""What goes wrong, in which order and for how long. Pure: the same seed gives the same list."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CUT = "connections cut"
DISK_FULL = "disk full"
STORE = "object store"
AWAY = "Temporal away"
POWER_CUT = "power cut of Temporal"
OPERATOR = "workflow stopped by hand"
KILLS = ("transcode worker", "io worker", "pipeline worker", "API", "Temporal", "PostgreSQL", STORE)
# Workers that encode are the ones whose work could be lost.
_WEIGHTS = {"transcode worker": 3, "API": 2, CUT: 2}


@dataclass(frozen=True)
class Fault:
    """`wait_s` seconds after the one before. `pick` (0 to 1) says which of several parts it meets."""

    kind: str
    wait_s: float
    lasts_s: float
    pick: float


def faults(rng: random.Random, kinds: Sequence[str]) -> Iterator[Fault]:
    """Without end. Dealt like cards, so that even a short run meets every kind."""
    while True:
        deck = [kind for kind in kinds for _ in range(_WEIGHTS.get(kind, 1))]
        rng.shuffle(deck)
        for kind in deck:
            yield Fault(kind, rng.uniform(2, 10), _lasts_s(rng, kind), rng.random())


def _lasts_s(rng: random.Random, kind: str) -> float:
    if kind == AWAY:  # longer than an API waits for it: uploads end meanwhile
        return rng.uniform(12, 20)
    if kind in (CUT, DISK_FULL, POWER_CUT):
        return rng.uniform(2, 8)
    return rng.choice((0.0, rng.uniform(0, 5)))
