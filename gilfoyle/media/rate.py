"""Frame rates: exact fractions of frames per second, snapped to the standard ones."""

from __future__ import annotations

from collections.abc import Sequence
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

# So many intervals tell a rate: one that is out of step does not, and a short burst after a pause is seen.
_INTERVALS = 12
# And so many, or this share of all, must be as fast: frames that a camera delivers late come in bursts.
_ENOUGH = 12
_SHARE = 100
# Within this of the fastest, stamps belong to the same stretch.
_ALIKE = Fraction(1, 20)

_MIN = Fraction(1)
_MAX_DENOMINATOR = 1001


def moving(
    average: Fraction, real: Fraction, measured: Fraction | None = None, *, interlaced: bool = False
) -> Fraction:
    """The rate at which a source of variable rate moves while it moves (frames/s; 0 is unknown).

    `real` is ffprobe's `r_frame_rate`, the rate on whose grid the first stamps lie. A recording with pauses, a screen
    or a phone, has a lower average: on a grid of that it would lose frames. Fields count twice in it, so a `real` of
    twice the average says nothing, nor does one that is no frame rate at all (a clock's 90,000).

    `measured` is how fast the packets come where they come fastest. It counts where the header knows less: that has
    seen the first frames only, and a recording may begin slowly. Of what may be `interlaced`, fields count twice.
    """
    twice = abs(real - 2 * average) <= _TOLERANCE_VARIABLE * real
    usual = min(abs(rate - real) for rate in STANDARD) <= _TOLERANCE_EXACT * real
    # No source is faster on the average than the grid of its stamps: Matroska's average is of its first two, then.
    absurd = 0 < real < average * (1 - _TOLERANCE_VARIABLE)
    declared = real if not average or absurd or (usual and real > average and not twice) else average
    fields = measured is not None and interlaced and abs(measured - 2 * declared) <= _TOLERANCE_VARIABLE * measured
    return measured if measured and measured > declared * (1 + _ALIKE) and not fields else declared


def snap(rate: Fraction, *, variable: bool, maximum: Fraction) -> Fraction:
    """The rate of the frame grid for a source of `rate` (all in frames/s).

    The nearest standard rate if it is near enough, else the rate itself as a fraction with a small denominator.
    A rate above `maximum` is halved until it fits, so that 120 becomes 60 and 50 capped at 30 becomes 25.
    """
    nearest = min(STANDARD, key=lambda standard: abs(standard - rate))
    tolerance = _TOLERANCE_VARIABLE if variable else _TOLERANCE_EXACT
    near = abs(nearest - rate) <= tolerance * rate
    rate = max(nearest if near else rate.limit_denominator(_MAX_DENOMINATOR), _MIN)
    while rate > maximum:
        rate /= 2
    return rate


def fastest(stamps: Sequence[int], time_base: Fraction) -> Fraction | None:
    """The rate of frames, per second, where they come fastest for a while; None if there are too few to tell.

    `stamps`: in order, no two the same, in ticks of `time_base` seconds. The rate is that of the longest stretch of it:
    stamps are rounded, and over a few frames that shows.
    """
    spans = [after - before for before, after in zip(stamps, stamps[_INTERVALS:], strict=False)]
    if len(spans) < _ENOUGH:
        return None
    quick = sorted(spans)[max(_ENOUGH, len(spans) // _SHARE) - 1]
    first, end = _longest([span <= quick * (1 + _ALIKE) for span in spans])
    return (end - 1 - first + _INTERVALS) / (time_base * (stamps[end - 1 + _INTERVALS] - stamps[first]))


def _longest(flags: Sequence[bool]) -> tuple[int, int]:
    """Where the longest run of true ones begins, and where the first after it is."""
    best, begin = (0, 0), 0
    for index, flag in enumerate([*flags, False]):
        if not flag:
            if index - begin > best[1] - best[0]:
                best = begin, index
            begin = index + 1
    return best
