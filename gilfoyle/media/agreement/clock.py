"""The stamps of decoded frames: whether they are plausible, and which frame is on screen at a time."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

_FEW = 200
"""Up to one wrong stamp in this many is mended; with more, the stamps are ignored."""
_ROUNDING_S = 0.0015
"""Stamps in whole milliseconds may go back by their rounding."""


def mended(times: Sequence[float]) -> tuple[array[float], int] | None:
    """The times in ascending order, and how many were mended; None if too many are wrong.

    A stamp later than that of a following frame is wrong: it is replaced by the middle of its neighbours.
    """
    latest = array("d", times)
    for index in range(len(latest) - 2, -1, -1):
        latest[index] = min(latest[index], latest[index + 1])
    wrong = [index for index, time in enumerate(times) if time > latest[index] + _ROUNDING_S]
    if len(wrong) > 1 + len(latest) // _FEW:
        return None
    for index in wrong:
        if index:
            latest[index] = (latest[index - 1] + latest[index]) / 2
    return latest, len(wrong)


def on_screen(times: Sequence[float], moment: float) -> int:
    """The last frame that begins at or before the moment; the first if none does."""
    return max(0, bisect_right(times, moment) - 1)
