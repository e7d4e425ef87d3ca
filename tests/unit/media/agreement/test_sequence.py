"""Whether frames are those of the source, each once, in order, at its time."""

from __future__ import annotations

import pytest

from gilfoyle.media.agreement.clock import mended
from gilfoyle.media.agreement.frames import Frames
from gilfoyle.media.agreement.sequence import Match, match
from tests.unit.media.agreement.drawing import black, film, frame


def faults(found: Match) -> tuple[int, int, int, int, int, int]:
    return (
        len(found.displaced), len(found.strange), len(found.lost), found.crowded, found.before, found.after,
    )  # fmt: skip


def compare(source: Frames, stream: Frames) -> Match:
    return match(source, stream, [source.times[0]])


def test_an_encoding_of_the_same_frames_agrees() -> None:
    found = compare(film(range(100)), film(range(100), noise=3))
    assert faults(found) == (0, 0, 0, 0, 0, 0)
    assert len(found.pairs) == 100


def test_a_frame_that_is_missing_is_named() -> None:
    numbers = [*range(50), 49, *range(51, 100)]
    found = compare(film(range(100)), film(numbers))
    assert (found.lost, found.displaced) == ([50], [(50, -1)])


def test_frames_that_come_one_frame_late_from_somewhere_on() -> None:
    found = compare(film(range(100)), film([*range(60), *range(59, 99)]))
    assert found.displaced == [(index, -1) for index in range(60, 100)]
    assert found.lost == [99]


def test_two_frames_in_the_wrong_order() -> None:
    found = compare(film(range(40)), film([*range(20), 21, 20, *range(22, 40)]))
    assert found.displaced == [(20, 1), (21, -1)]


def test_a_frame_that_is_none_of_the_sources() -> None:
    found = compare(film(range(100)), film([*range(50), 40_000, *range(51, 100)]))
    assert (found.strange, found.lost) == ([50], [50])


def test_what_is_cut_at_the_ends() -> None:
    assert faults(compare(film(range(100)), film(range(80)))) == (0, 0, 0, 0, 0, 20)
    assert faults(compare(film(range(100)), film(range(10, 100)))) == (0, 0, 0, 0, 10, 0)


def test_a_stream_that_begins_earlier_shows_black_or_the_first_frame() -> None:
    source = film(range(50), times=[1 + index / 25 for index in range(50)])
    for before in ([-1] * 25, [0] * 25):
        found = match(source, film([*before, *range(50)]), [1.0, 0.0])
        assert faults(found) == (0, 0, 0, 0, 0, 0)
        assert found.shift == 0.0


def test_half_the_rate_shows_every_other_frame() -> None:
    found = compare(film(range(200), rate=60), film(range(0, 200, 2), rate=30))
    assert faults(found)[:3] == (0, 0, 0)


def test_a_rate_that_is_too_low_for_a_part_is_told() -> None:
    times = [*map(float, range(30)), *(30 + index / 30 for index in range(90))]
    source = film(range(120), times=times)
    assert compare(source, film([*range(30), 45, 75, 105], rate=1)).crowded == 73
    shown = [max(number for number, at in enumerate(times) if at <= index / 30 + 0.01) for index in range(990)]
    assert faults(compare(source, film(shown, rate=30))) == (0, 0, 0, 0, 0, 0)


def test_stamps_in_milliseconds_are_no_fault() -> None:
    rate = 60000 / 1001
    source = film(range(300), times=[round(index / rate, 3) for index in range(300)])
    assert faults(compare(source, film(range(300), rate=rate))) == (0, 0, 0, 0, 0, 0)


def test_where_nothing_moves_nothing_is_found() -> None:
    assert faults(compare(film([7] * 100), film([7] * 100, noise=3))) == (0, 0, 0, 0, 0, 0)


def test_a_clock_that_tells_nothing_leaves_the_order() -> None:
    times = [(index * 7 % 50) / 25 for index in range(50)]
    found = compare(film(range(50), times=times), film(range(50)))
    assert not found.timed
    assert faults(found) == (0, 0, 0, 0, 0, 0)
    assert faults(compare(film(range(50), times=times), film(range(1, 51))))[0] > 40


def test_light_that_was_mapped_is_compared_by_what_is_brighter() -> None:
    def dim(numbers: range) -> Frames:
        frames = Frames()
        for index, number in enumerate(numbers):
            frames.show(bytes(40 + part // 3 for part in frame(number)))
            frames.stamp(index / 25, 1 / 25)
        return frames

    assert len(compare(film(range(1, 60)), dim(range(1, 60))).strange) == 59
    found = match(film(range(1, 60)), dim(range(1, 60)), [0.0], even=True)
    assert (found.strange, found.displaced) == ([], [])


@pytest.mark.parametrize(
    ("times", "wrong"),
    [([0.0, 0.04, 0.08], 0), ([0.0, 60.04, 0.08, 0.12], 1), ([0.0, 0.001, 0.0005], 0)],
)
def test_single_wrong_stamps_are_mended(times: list[float], wrong: int) -> None:
    found = mended(times)
    assert found is not None
    assert found[1] == wrong
    assert list(found[0]) == sorted(found[0])


def test_a_clock_that_begins_anew_is_not_believed() -> None:
    assert mended([*range(100), *range(100)]) is None


def test_frames_know_their_end_and_colour() -> None:
    frames = Frames()
    for at in (0.0, 0.5):
        frames.show(bytes([200, 100, 50]) * 64)
        frames.stamp(at, 0.0)
    assert frames.end == 1.0
    assert frames.colour(1) == (200, 100, 50)
    frames.show(black())
    assert frames.is_black(2)
    assert not frames.is_black(0)
