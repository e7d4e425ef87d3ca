"""`python -m bench limits` as a whole, on as little as shows that it works."""

from __future__ import annotations

import pytest

from bench.limits.memory import KINDS
from tests.integration.bench.commands import bench, refusal


@pytest.mark.slow
def test_a_few_uploads_and_seconds_of_sound_and_picture() -> None:
    found = bench("limits", "--uploads", "3", "--audio-hours", "0.005", "--video-hours", "0.005")
    assert found["uploads_ready"] == 3 and found["crowd"]["longest_queue"] <= 3
    for memory in (found["crowd"]["memory"], *(each["memory"] for each in found["longs"].values())):
        # Each of them is a Python with Temporal's library at least.
        assert memory.keys() == set(KINDS) and all(each["begin"] > 30 for each in memory.values())
    for part in ("audio", "video"):
        steps = found["longs"][part]["steps"]
        assert steps["store"] == steps["finish"] == 1 and steps[f"encode_{part}"] >= 2
        # Three events for each activity, and those of the workflow's own tasks.
        assert found[f"history_events_{part}_0.005h"] > 3 * sum(steps.values())
        assert 0 < found[f"history_mb_{part}_0.005h"] < 1
        assert found["longs"][part]["playlist_bytes"] > 0


def test_a_part_that_is_not_known_is_a_sentence() -> None:
    assert refusal("limits", "--only", "films") == "There is no part films: it can be uploads, audio, video.\n"
