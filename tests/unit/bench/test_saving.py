"""What a quality target saves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.saving.lines import capped, fixed
from bench.saving.results import Point, Saving, rate_for, summary
from bench.subject import Subject
from gilfoyle.media.plan import make_plan
from gilfoyle.media.policy import EncodingPolicy
from tests.unit.media.infos import media, video

POLICY = EncodingPolicy()
CURVE = [Point(1000, 80), Point(4000, 90)]


def test_both_lines_differ_in_the_rate_only() -> None:
    info = media(video(width=1280, height=720))
    subject = Subject(Path("/f.mp4"), info, make_plan(info, POLICY))
    ours = capped("ffmpeg", subject, POLICY, Path("/out.mp4"), threads=2)
    other = fixed(ours, 1500, 1.5)
    assert "-crf" in ours and "/out.mp4" in ours and "pipe:9" not in ours
    assert {*ours} - {*other} == {"-crf", "21", "2800k", "4200k"}
    assert {*other} - {*ours} == {"-b:v", "1500k", "2250k"}


def test_between_two_rates_quality_grows_with_the_logarithm() -> None:
    assert rate_for(CURVE, 85) == pytest.approx(2000)
    assert rate_for(CURVE, 95) is None
    assert rate_for(CURVE, 70) is None


def test_savings_against_the_ladder_and_at_equal_quality() -> None:
    saving = Saving(Point(1600, 85), CURVE)
    assert (saving.percent, saving.vmaf_lost, saving.percent_at_equal_vmaf) == (60, 5, 20)


def test_the_figures_of_each_kind() -> None:
    found = summary({"slides": Saving(Point(1600, 85), CURVE), "film": Saving(Point(4000, 99), CURVE)})
    assert found["saving_pct"] == 30
    assert found["saving_equal_vmaf_pct_slides"] == 20
    assert found["saving_equal_vmaf_pct_film"] is None
