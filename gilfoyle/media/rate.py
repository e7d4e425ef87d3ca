"""Frame rates: exact fractions of frames per second, snapped to the standard ones."""

from __future__ import annotations

from fractions import Fraction

STANDARD = tuple(
    Fraction(*rate)
    for rate in [
        (12, 1), (15, 1), (20, 1), (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48000, 1001),
        (48, 1), (50, 1), (60000, 1001), (60, 1), (100, 1), (120000, 1001), (120, 1), (240, 1),
    ]
)  # fmt: skip

# Containers round: Matroska's millisecond stamps shift an average by less than this. It is below the 0.1 % between
# 23.976 and 24, so the nearer of the two always wins.
_TOLERANCE_EXACT = Fraction(1, 2500)
# A camera that drops or stretches frames averages a little beside its nominal rate.
_TOLERANCE_VARIABLE = Fraction(1, 50)

_MIN = Fraction(1)
_MAX_DENOMINATOR = 1001


def snap(average: Fraction, *, variable: bool, maximum: Fraction) -> Fraction:
    """The rate of the frame grid for a source whose average is `average` (all in frames/s).

    The nearest standard rate if it is near enough, else the average itself as a fraction with a small denominator.
    A rate above `maximum` is halved until it fits, so that 120 becomes 60 and 50 capped at 30 becomes 25.
    """
    nearest = min(STANDARD, key=lambda rate: abs(rate - average))
    tolerance = _TOLERANCE_VARIABLE if variable else _TOLERANCE_EXACT
    rate = nearest if abs(nearest - average) <= tolerance * average else average.limit_denominator(_MAX_DENOMINATOR)
    rate = max(rate, _MIN)
    while rate > maximum:
        rate /= 2
    return rate
