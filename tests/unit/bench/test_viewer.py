"""How a viewer fares, from what was published when."""

from __future__ import annotations

import pytest

from bench.play.viewer import Sample, Stall, changes, speed, stalls


def samples(*pairs: tuple[float, float]) -> list[Sample]:
    return [Sample(at, published) for at, published in pairs]


def test_the_speed_is_least_just_before_something_new_appears() -> None:
    # 4 s of media were all there was until 3.2 s; then there was plenty.
    assert speed(samples((0, 4), (3.2, 40), (20, 40))) == pytest.approx(4 / 3.2)


def test_the_end_of_the_measurement_counts_too() -> None:
    assert speed(samples((0, 4), (2, 12), (15, 12))) == pytest.approx(12 / 15)


@pytest.mark.parametrize(("second_at", "waits"), [(3.9, False), (4.1, True)])
def test_it_is_below_one_exactly_if_the_viewer_waits(second_at: float, waits: bool) -> None:
    seen = samples((0, 4), (second_at, 60), (30, 60))
    assert (speed(seen) < 1) == waits
    # One who asks without a pause, and so sees at once what is new.
    assert bool(stalls(seen, 0.001, 60)) == waits


def test_a_player_finds_what_is_new_when_it_asks() -> None:
    # There at 4.5 s, but asked for at 6 s.
    assert stalls(samples((0, 4), (4.5, 60), (30, 60)), 2, 60) == [Stall(4, 2)]


def test_each_stall_counts_and_moves_the_player_back() -> None:
    # It stands at 4 s until 6 s, plays to 8 s until 10 s, and stands there until 14 s.
    assert stalls(samples((0, 4), (5.5, 8), (13, 60), (40, 60)), 2, 60) == [Stall(4, 2), Stall(8, 4)]


def test_a_player_that_still_stands_at_the_end_has_stalled() -> None:
    assert stalls(samples((0, 4), (10, 4)), 2, 60) == [Stall(4, 6)]


def test_the_end_of_the_film_is_no_stall() -> None:
    assert stalls(samples((0, 4), (2, 10), (30, 10)), 2, 10) == []


def test_only_what_changes_is_kept_and_the_end() -> None:
    assert changes(samples((0, 4), (1, 4), (2, 8), (3, 8), (4, 8))) == samples((0, 4), (2, 8), (4, 8))
    assert changes(samples((0, 4))) == samples((0, 4))
