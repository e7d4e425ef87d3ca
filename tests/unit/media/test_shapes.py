"""Which of a frame's sizes its ladder follows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gilfoyle.media.shapes import Shape, largest_that_lasts, read_shapes


def shown(*parts: tuple[float, int, int]) -> tuple[int, int] | None:
    """The size that is chosen of parts (seconds, width, height), with a keyframe each half second."""
    shapes, at = [], 0.0
    for seconds, width, height in parts:
        shapes += [Shape(at + n / 2, width, height) for n in range(max(1, int(seconds * 2)))]
        at += seconds
    found = largest_that_lasts(shapes, at)
    return (found.width, found.height) if found else None


@pytest.mark.parametrize(
    ("parts", "size"),
    [
        ([(10, 320, 240)], (320, 240)),
        ([(1, 160, 120), (3, 640, 480)], (640, 480)),  # a call grows
        ([(3, 640, 480), (50, 160, 120)], (640, 480)),
        ([(30, 720, 576), (1, 1920, 1080)], (720, 576)),  # a second of another station
        ([(3600, 720, 576), (15, 1920, 1080)], (1920, 1080)),  # fifteen seconds are worth it in any film
        ([(2, 320, 240), (2, 180, 320)], (320, 240)),
        ([], None),
    ],
)
def test_the_largest_that_lasts(parts: list[tuple[float, int, int]], size: tuple[int, int] | None) -> None:
    assert shown(*parts) == size


def test_parts_of_the_same_size_are_added_up() -> None:
    ten = [(0.5, 320, 240), (0.5, 160, 120)] * 12
    assert shown(*ten) == (320, 240)


def test_the_shape_of_pixels_counts() -> None:
    """Wide-screen of a broadcast has as many pixels as its 4:3."""
    shapes = [Shape(0, 720, 576, Fraction(12, 11)), Shape(5, 720, 576, Fraction(16, 11))]
    assert largest_that_lasts(shapes, 10) == Shape(0, 720, 576, Fraction(16, 11))


def test_ffprobes_lines_are_read() -> None:
    text = (
        "best_effort_timestamp_time=2.500000|width=640|height=480|sample_aspect_ratio=4:3\n"
        "best_effort_timestamp_time=0.000000|width=320|height=240|sample_aspect_ratio=N/A\n"
        "best_effort_timestamp_time=N/A|width=1|height=1|sample_aspect_ratio=1:1\n\nnonsense\n"
    )
    assert read_shapes(text) == [Shape(0, 320, 240), Shape(2.5, 640, 480, Fraction(4, 3))]
