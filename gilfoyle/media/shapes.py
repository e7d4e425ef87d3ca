"""The sizes that a video has from beginning to end, and which of them its ladder follows. Pure.

A recording of a call begins small and grows, an upright telephone is turned, a broadcast goes from programme to
programme. Each rendition has one size all the same: the video is fitted into that of the largest part that lasts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

# What is shown for less of the film than this is passed over: a call's first second, a station's ident.
_LASTS = Fraction(1, 20)
# Or for so long, of however long a film (seconds).
_LONG_S = 10
# No pixel is that much wider than high, or higher than wide: anamorphic film is 2:1, and a header may say anything.
_MOST = Fraction(10)


@dataclass(frozen=True)
class Shape:
    """A keyframe's size in pixels and the shape of these, and when it is shown (seconds)."""

    at: float
    width: int
    height: int
    pixel: Fraction = Fraction(1)
    """Width to height of a pixel."""


def read_shapes(text: str) -> list[Shape]:
    """From `shapes_command`'s lines of `name=value|name=value`, in the order of their times."""
    found = []
    for line in text.splitlines():
        values = dict(part.partition("=")[::2] for part in line.split("|"))
        try:
            at = float(values["best_effort_timestamp_time"])
            found.append(Shape(at, int(values["width"]), int(values["height"]), pixel_shape(values)))
        except (KeyError, ValueError):
            continue  # what has no time or no size shows nothing
    return sorted(found, key=lambda shape: shape.at)


def pixel_shape(stream: Mapping[str, Any]) -> Fraction:
    """Width to height of a pixel as ffprobe prints it; 1 where it doesn't know, or says what no video has."""
    shape = _declared(stream)
    return shape if 1 / _MOST <= shape <= _MOST else Fraction(1)


def is_absurd(stream: Mapping[str, Any]) -> bool:
    """Whether the shape of its pixels, as ffprobe prints it, is one that no video has."""
    return pixel_shape(stream) != _declared(stream)


def _declared(stream: Mapping[str, Any]) -> Fraction:
    try:
        return Fraction(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or Fraction(1)
    except (ValueError, ZeroDivisionError):
        return Fraction(1)


def display_size(width: int, height: int, pixel: Fraction) -> tuple[int, int]:
    """In square pixels: the longer side grows, nothing is thrown away."""
    return (round(width * pixel), height) if pixel > 1 else (width, round(height / pixel))


def largest_that_lasts(shapes: Sequence[Shape], end: float) -> Shape | None:
    """The shape of the largest frame that is shown long enough; a keyframe's lasts until the next, or the `end`."""
    shown: dict[tuple[int, int, Fraction], float] = defaultdict(float)
    for shape, until in zip(shapes, [*(shape.at for shape in shapes[1:]), end], strict=False):
        shown[shape.width, shape.height, shape.pixel] += max(until - shape.at, 0.0)
    total = sum(shown.values())
    lasting = [size for size, seconds in shown.items() if seconds >= min(float(_LASTS) * total, _LONG_S)]
    if not lasting:
        return None
    width, height, pixel = max(lasting, key=lambda size: _area(*size))
    return Shape(0, width, height, pixel)


def _area(width: int, height: int, pixel: Fraction) -> int:
    wide, high = display_size(width, height, pixel)
    return wide * high
