"""How fast a machine is, told from its first passes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gilfoyle.media.ladder import video_ladder
from gilfoyle.media.pace import cost, is_swift
from gilfoyle.media.policy import EncodingPolicy
from tests.unit.media.infos import video

RUNGS = EncodingPolicy().video


@pytest.mark.parametrize(("alone_speed", "swift"), [(3, False), (4.8, False), (5, True), (20, True)])
def test_360p_alone_costs_a_quarter_of_the_ladder(alone_speed: float, swift: bool) -> None:
    """Measured on 1080p: 3 s of media a second alone where all four together make 0.8."""
    source = video(width=1920, height=1080)
    ladder = video_ladder(1920, 1080, RUNGS)
    assert cost(source, ladder[-1:]) / cost(source, ladder) == pytest.approx(0.25, abs=0.02)
    assert is_swift(alone_speed, source, ladder) == swift


def test_a_single_rendition_is_what_was_measured() -> None:
    source = video(width=320, height=180, end=Fraction(60))
    ladder = video_ladder(320, 180, RUNGS)
    assert is_swift(1.3, source, ladder)
    assert not is_swift(1.2, source, ladder)
