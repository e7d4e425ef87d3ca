"""`python -m bench limits` as a whole, on as little as shows that it works."""

from __future__ import annotations

import pytest

from bench.limits.memory import KINDS
from tests.integration.bench.commands import bench, refusal

ALL_BUT_WIDE = ("--only", "uploads", "--only", "audio", "--only", "video")


@pytest.mark.slow
def test_a_few_uploads_and_seconds_of_audio_and_video() -> None:
    found = bench("limits", "--uploads", "3", "--audio-hours", "0.005", "--video-hours", "0.005", *ALL_BUT_WIDE)
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


@pytest.mark.slow
def test_a_short_film_with_many_renditions() -> None:
    found = bench("limits", "--only", "wide", "--wide-hours", "0.02")
    wide = found["wide"]
    assert wide["renditions"] == 11  # four of each codec, and three audio tracks
    assert wide["segments"] == 11 * 19  # 72 s, and what a loop of audio packets is longer
    assert wide["passes"] == wide["steps"]["encode_video"] + wide["steps"]["encode_audio"]
    assert (found["runs_wide_0.02h"], found["failed_tasks_wide_0.02h"]) == (1, 0)
    assert found["history_events_wide_0.02h"] > 3 * sum(wide["steps"].values())


def test_a_part_that_is_not_known_is_a_sentence() -> None:
    assert refusal("limits", "--only", "films") == "There is no part films: it can be uploads, audio, video, wide.\n"
