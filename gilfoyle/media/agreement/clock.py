"""The stamps of what was decoded: whether they tell the time, and what is on screen at a moment."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

_FEW = 200
"""One wrong stamp in so many is mended; more, and the clock is not believed."""
_ROUNDING_S = 0.0015
"""Stamps of a millisecond may go back by their rounding."""


def mended(times: Sequence[float]) -> tuple[array[float], int] | None:
    """The times in order, and how many had to be mended; None if they tell nothing.

    A stamp that lies after one that comes later is wrong: it gets a place between its neighbours.
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
    """The last picture that begins at or before the moment; the first if none does."""
    return max(0, bisect_right(times, moment) - 1)
