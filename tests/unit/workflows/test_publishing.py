"""How long publishing rests."""

from __future__ import annotations

import pytest

from gilfoyle.workflows.publishing import rest_s

TEMPORAL_TAKES = 51_200


@pytest.mark.parametrize(
    ("took_s", "events", "expected"),
    [(0.2, 100, 0), (1.0, 100, 0), (4.0, 100, 12), (0.2, 20_000, 30), (20, 20_000, 60)],
)
def test_it_rests_after_a_long_one_and_in_a_long_history(took_s: float, events: int, expected: float) -> None:
    assert rest_s(took_s, events) == expected


def test_ten_hours_of_publishing_stay_within_the_history() -> None:
    """Encoded as fast as it plays, with a signal for each segment; 20 events a publish are more than one has."""
    clock_s, events = 0.0, 0
    while clock_s < 36_000:
        events += 20
        clock_s += max(4.0, rest_s(0.5, events))
    assert events < 0.7 * TEMPORAL_TAKES
