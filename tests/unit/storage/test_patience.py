from __future__ import annotations

from itertools import pairwise

from gilfoyle.storage.patience import LONGEST_PAUSE_S, Patience


def attempts(seconds: float, each: float) -> list[float]:
    """When attempts are made that take `each` seconds and all fail."""
    now, times = 0.0, []
    patience = Patience(seconds, 0.2, lambda: now)
    while True:
        times.append(now)
        now += each
        pause = patience.pause()
        if pause is None:
            return times
        now += pause


def test_pauses_grow_to_a_limit() -> None:
    times = attempts(45, 0)
    pauses = [after - before for before, after in pairwise(times)]
    assert 0.1 <= pauses[0] <= 0.2
    assert all(pause <= LONGEST_PAUSE_S for pause in pauses)
    assert 10 <= len(times) <= 30
    assert times[-1] == 45


def test_patience_begins_with_the_first_failure() -> None:
    times = attempts(45, 20)
    assert times[1] < 21
    assert 20 + 40 < times[-1] <= 20 + 45


def test_without_patience_there_is_one_attempt() -> None:
    assert len(attempts(0, 1)) == 1
