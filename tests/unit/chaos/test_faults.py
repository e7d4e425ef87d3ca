"""The order of what goes wrong."""

from __future__ import annotations

import random
from itertools import islice

from chaos.faults import AWAY, CUT, DISK_FULL, KILLS, OPERATOR, POWER_CUT, Fault, faults

KINDS = [*KILLS, CUT, AWAY, POWER_CUT, OPERATOR, DISK_FULL]


def first(count: int, seed: int = 1) -> list[Fault]:
    return list(islice(faults(random.Random(seed), KINDS), count))


def test_the_same_seed_gives_the_same_faults() -> None:
    assert first(50) == first(50)
    assert first(50) != first(50, seed=2)


def test_every_kind_comes_before_any_deck_is_dealt_again() -> None:
    assert {fault.kind for fault in first(16)} == set(KINDS)


def test_only_what_is_possible_comes() -> None:
    assert {fault.kind for fault in islice(faults(random.Random(1), ["API"]), 20)} == {"API"}


def test_fifteen_minutes_hold_more_than_sixty_kills() -> None:
    for seed in range(20):
        passed, kills = 0.0, 0
        for fault in first(500, seed):
            passed += fault.wait_s
            if passed > 15 * 60:
                break
            kills += fault.kind in KILLS
        assert kills > 80
