"""How a fleet is scaled in the benchmark, and when its uploads come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.elastic.day import arrivals, rate
from bench.elastic.fleet import Fleet
from bench.elastic.measure import Passed, summary
from bench.elastic.scaler import AVERAGE_S, STEP_S, WINDOW_S, Scaler
from bench.workers import Joined


def test_up_at_once_and_never_above_the_most() -> None:
    scaler = Scaler(slots=4, most=5)
    assert scaler.workers(0, 0, 0, 0) == 0
    assert scaler.workers(1, 1, 0, 0) == 1
    assert scaler.workers(2, 17, 17, 1) == 5
    assert scaler.workers(3, 400, 400, 5) == 5


def test_what_lasts_is_worth_as_many_and_a_moment_of_it_is_not() -> None:
    scaler, workers, seen = Scaler(slots=1, most=100), 0, []
    for second in range(int(AVERAGE_S) + 3):
        workers = scaler.workers(second, 24, 0, workers)
        seen.append(workers)
    assert seen == sorted(seen) and seen[0] == 24 / AVERAGE_S and seen[-1] == 24
    scaler = Scaler(slots=1, most=100)
    assert max(scaler.workers(second, 24 if second == 9 else 0, 0, 0) for second in range(20)) == 24 / AVERAGE_S


def test_down_a_step_at_a_time_once_fewer_have_been_enough_for_long() -> None:
    scaler, now, workers = Scaler(slots=1, most=100), 0.0, 0
    workers = scaler.workers(now, 16, 16, workers)
    seen = [workers]
    while workers:
        now += 0.5
        workers = scaler.workers(now, 0, 0, workers)
        if workers != seen[-1]:
            seen.append(workers)
            assert now >= WINDOW_S + STEP_S * (len(seen) - 2)
    assert seen == [16, 12, 9, 6, 4, 3, 2, 1, 0]


def test_a_short_lull_ends_no_worker() -> None:
    scaler = Scaler(slots=1, most=100)
    workers = scaler.workers(0, 10, 10, 0)
    for second in range(1, 60):
        running = 10 if second % (WINDOW_S - 1) == 0 else 0
        workers = scaler.workers(second, running, running, workers)
        assert workers == 10


def test_most_come_in_the_evening_and_few_at_night() -> None:
    found = arrivals(1000)
    assert len(found) == 1000 and found == sorted(found) and found[0] >= 0 and found[-1] < 1

    def between(begin: float, end: float) -> int:
        return sum(begin <= 24 * each < end for each in found)

    assert between(19, 20) > 3 * between(3, 4) and rate(19.5) > 8 * rate(3)


def test_the_figures() -> None:
    fixed = Passed(slot_s=1000, moving_s=40, busy_s=400, encoded_s=390, redone=0, most=10, plays_s=[1.0] * 19 + [2.0])
    scaled = Passed(
        slot_s=440, moving_s=20, busy_s=400, encoded_s=390, redone=0.004, most=10, plays_s=[1.5] * 19 + [3.0]
    )
    figures = summary(fixed, scaled)
    assert (figures["slot_cost_ratio"], figures["redone_share"]) == (1.1, 0.004)
    assert 1.4 < figures["play_p95_ratio"] < 1.6


@contextmanager
def _beginning(*_: object) -> Iterator[Joined]:
    """In place of a process: one that takes a while to begin, and tells what it did."""
    time.sleep(0.05)
    done = Joined(None, said='sdk-core: a warning\n{"busy_s": 2.0, "segments": 3, "redone": 1}\n')  # type: ignore[arg-type]
    yield done


async def test_workers_count_from_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.elastic.fleet.joined", _beginning)
    fleet = Fleet(slots=4, speed=1, inits=Path(), environment={})
    fleet.resize(3)
    fleet.resize(3)
    assert (fleet.size, fleet.most) == (3, 3)
    await fleet.settled()
    fleet.resize(1)
    await fleet.close()
    assert (fleet.size, fleet.most) == (0, 3)
    assert (fleet.done.segments, fleet.done.redone, fleet.done.busy_s) == (9, 3, 6)
    # Four slots of each, for the twentieth of a second at least that its start took.
    assert fleet.slot_s >= 3 * 4 * 0.05
