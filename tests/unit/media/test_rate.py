"""Rates: snapped to the standard ones, never above the maximum, exact."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gilfoyle.media.rate import STANDARD, snap

NTSC_24, NTSC_30, NTSC_60 = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)


@pytest.mark.parametrize("maximum", [1000, 240])
@pytest.mark.parametrize("rate", STANDARD)
@pytest.mark.parametrize("variable", [False, True])
def test_a_standard_rate_stays(rate: Fraction, variable: bool, maximum: int) -> None:
    assert snap(rate, variable=variable, maximum=Fraction(maximum)) == rate


@pytest.mark.parametrize(
    ("average", "variable", "maximum", "expected"),
    [
        # Matroska's millisecond stamps: 600 frames in 20.020 s, 240 in 10.010 s.
        (Fraction(19001, 634), False, 60, NTSC_30),
        (Fraction(240_000, 10_010), False, 60, NTSC_24),
        # 23.976 and 24 are 0.1 % apart: the nearer wins.
        (Fraction(23_977, 1000), False, 60, NTSC_24),
        (Fraction(23_999, 1000), False, 60, Fraction(24)),
        # A phone's frames come as they can; a steady 29.5 stays what it is.
        (Fraction(30_123, 1000), True, 60, Fraction(30)),
        (Fraction(59, 2), True, 60, NTSC_30),
        (Fraction(59, 2), False, 60, Fraction(59, 2)),
        # No standard rate is near.
        (Fraction(18), False, 60, Fraction(18)),
        (Fraction(27), True, 60, Fraction(27)),
        # Halved until they fit.
        (Fraction(120), False, 60, Fraction(60)),
        (Fraction(120_000, 1001), False, 60, NTSC_60),
        (Fraction(50), False, 30, Fraction(25)),
        (Fraction(240), False, 59, Fraction(30)),
        # A slide show: one frame a second at least.
        (Fraction(1, 10), True, 60, Fraction(1)),
    ],
)
def test_snap(average: Fraction, variable: bool, maximum: int, expected: Fraction) -> None:
    assert snap(average, variable=variable, maximum=Fraction(maximum)) == expected


def test_the_result_is_a_small_fraction() -> None:
    rate = snap(Fraction(1_234_567, 70_001), variable=False, maximum=Fraction(60))
    assert rate.denominator <= 1001
    assert float(rate) == pytest.approx(1_234_567 / 70_001, abs=1e-4)
