"""The figures of `bench play`."""

from __future__ import annotations

from bench.play.results import Played, summary
from bench.play.viewer import Sample, Stall
from bench.play.watch import Watched


def played(first_play_s: float, watched: Watched | None = None) -> Played:
    return Played("film.mp4", 10, 1, first_play_s, [], watched)


def test_the_figures_and_what_was_not_measured() -> None:
    watched = Watched(0.8, [Stall(4, 1.5), Stall(8, 0.25)], 90, 120, [Sample(0, 4)])
    assert summary({"10s": played(1.23456), "10min": played(2, watched)}) == {
        "first_play_s_10s": 1.235,
        "first_play_s_10min": 2,
        "first_play_s_2h": None,
        "lowest_rung_speed": 0.8,
        "stalls": 2,
        "stalled_s": 1.75,
    }


def test_a_viewer_who_never_waits_has_no_stalls() -> None:
    found = summary({"10min": played(2, Watched(2.5, [], 90, 120, []))})
    assert (found["stalls"], found["stalled_s"]) == (0, 0)
