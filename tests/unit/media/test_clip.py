"""Which frames a clip has."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.clip import Clip

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("start_s", "end_s", "rate", "frames"),
    [
        (0, None, Fraction(25), (0, 100)),
        (1, 2, Fraction(25), (25, 50)),
        (1.01, 1.99, Fraction(25), (26, 50)),
        (0, 0.001, Fraction(25), (0, 1)),
        (3.97, 99, Fraction(25), (100, 100)),
        (0.1, 0.3, Fraction(30), (3, 9)),
        (1.001, 2.002, NTSC, (30, 60)),
        (1.0343, None, NTSC, (31, 100)),  # the 31st frame begins at 1.034366… s
        (0.039999, 1, Fraction(25), (1, 25)),
    ],
)
def test_the_first_frame_is_the_one_that_begins_then_or_next(
    start_s: float, end_s: float | None, rate: Fraction, frames: tuple[int, int]
) -> None:
    if frames[0] >= 100:
        with pytest.raises(UnsupportedMedia):
            Clip(start_s=start_s, end_s=end_s).frames(rate, 100)
    else:
        assert Clip(start_s=start_s, end_s=end_s).frames(rate, 100) == frames


def test_there_is_always_a_frame() -> None:
    assert Clip(start_s=1.01, end_s=1.011).frames(Fraction(25), 100) == (26, 27)


@pytest.mark.parametrize(
    "given",
    [
        {"start_s": -1},
        {"start_s": 2, "end_s": 2},
        {"start_s": 2, "end_s": 1},
        {"start_s": float("nan")},
        {"start_s": float("inf")},
        {"end_s": 0},
        {"start_s": False},
        {"start_s": "1"},
        {"start": 1},
    ],
)
def test_nonsense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Clip.model_validate(given)
