"""Ratios and their medians."""

from __future__ import annotations

import pytest

from bench.results import median_of, summary
from tests.unit.bench.figures import pair


def test_a_pair_is_the_pipeline_over_the_command() -> None:
    assert summary([pair()]) == {
        "cpu_ratio": 1.15,
        "wall_ratio": 1.2,
        "bytes_ratio": 1.02,
        "first_play_s": 2,
        "vmaf_delta": None,
    }


def test_ratios_are_taken_within_each_pair_before_their_median() -> None:
    # The machine was twice as slow during the second pair: that is no reason for another ratio.
    pairs = [pair(wall=(60, 50)), pair(wall=(120, 100)), pair(wall=(50, 100))]
    assert summary(pairs)["wall_ratio"] == 1.2


@pytest.mark.parametrize("cpu", [(None, 100.0), (100.0, None), (100.0, 0.0)])
def test_without_a_cpu_time_there_is_no_cpu_ratio(cpu: tuple[float | None, float | None]) -> None:
    found = summary([pair(), pair(cpu=cpu)])
    assert found["cpu_ratio"] is None
    assert found["wall_ratio"] == 1.2


def test_the_median_of_two_lies_between_them() -> None:
    assert median_of([1.0, 2.0]) == 1.5
    assert median_of([]) is None
