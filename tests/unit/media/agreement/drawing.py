"""Video and audio as a decoder would give them to the judge."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable

from gilfoyle.media.agreement.audio import RATE, Levels
from gilfoyle.media.agreement.frames import CELLS, COLUMNS, ROWS, Frames


def frame(number: int, noise: int = 0) -> bytes:
    """Sixteen bars, the number in binary; `noise` brightens every other cell."""
    row = [28 + 200 * (number >> (COLUMNS - 1 - bit) & 1) for bit in range(COLUMNS)]
    cells = [min(255, cell + (noise if index % 2 else 0)) for index, cell in enumerate(row * ROWS)]
    return bytes(part for cell in cells for part in (cell, cell, cell))


def black() -> bytes:
    return bytes(CELLS * 3)


def film(numbers: Iterable[int], rate: float = 25, times: Iterable[float] | None = None, noise: int = 0) -> Frames:
    """Frames with those numbers at a constant rate, or at those times."""
    frames = Frames()
    shown = list(numbers)
    for number in shown:
        frames.show(black() if number < 0 else frame(number, noise))
    for at in times if times is not None else (index / rate for index in range(len(shown))):
        frames.stamp(at, 1 / rate)
    return frames


def audio(wave: Callable[[float], float], seconds: float, start: float = 0.0) -> Levels:
    """A wave of at most 1, from `start` on."""
    levels = Levels()
    samples = array("h", (round(32000 * wave(index / RATE)) for index in range(round(seconds * RATE))))
    levels.hear(start, samples.tobytes())
    return levels


def speech(at: float) -> float:
    """Loud and quiet by turns, never the same twice within minutes."""
    if at < 0:
        return 0.0
    loud = max(0.0, math.sin(at * 17 + 3 * math.sin(at * 1.3) + 5 * math.sin(at * 0.37)))
    return loud * math.sin(2 * math.pi * 440 * at)
