"""The frame grid: exact durations, and audio that keeps step with the video."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from gilfoyle.media.cmaf import timescale
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.rate import STANDARD
from gilfoyle.media.timeline import AAC_FRAME, SAMPLE_RATE, AudioTimeline, Chunk, Timeline, chunks, timeline

POLICY = EncodingPolicy()
NTSC = Fraction(30000, 1001)
RATES = [*STANDARD, Fraction(1), Fraction(18), Fraction(59, 2), Fraction(17555, 997), Fraction(12_345, 1001)]
COUNTS = [1, 2, 59, 119, 120, 121, 12_345]
GRIDS = [timeline(rate, frames, POLICY) for rate, frames in itertools.product(RATES, COUNTS)]
HALF_AAC_FRAME = Fraction(AAC_FRAME, SAMPLE_RATE) / 2


def name(grid: Timeline) -> str:
    return f"{grid.frames}@{grid.rate}"


@pytest.mark.parametrize(
    ("rate", "gop", "segment", "duration", "target"),
    [
        (Fraction(30), 60, 120, Fraction(4), 4),
        (Fraction(25), 50, 100, Fraction(4), 4),
        (NTSC, 60, 120, Fraction(4004, 1000), 4),
        (Fraction(24000, 1001), 48, 96, Fraction(4004, 1000), 4),
        (Fraction(60000, 1001), 120, 240, Fraction(4004, 1000), 4),
        (Fraction(1), 2, 4, Fraction(4), 4),
    ],
)
def test_segments_are_whole_frames(rate: Fraction, gop: int, segment: int, duration: Fraction, target: int) -> None:
    grid = timeline(rate, 10_000, POLICY)
    assert (grid.gop_frames, grid.segment_frames) == (gop, segment)
    assert grid.durations(2) == [duration, duration]
    assert grid.target_duration() == target


def test_ntsc_is_exact_for_hours() -> None:
    grid = timeline(NTSC, 30 * 3600 * 4, POLICY)
    assert grid.duration == Fraction(3600 * 4 * 1001, 1000)
    assert grid.segment_start(3000) == 3000 * Fraction(4004, 1000)


@pytest.mark.parametrize("grid", GRIDS, ids=name)
def test_segments_cover_the_grid_without_gap_or_overlap(grid: Timeline) -> None:
    bounds = [grid.segment_bounds(index) for index in range(grid.segments)]
    assert [first for first, _ in bounds] == [0, *(end for _, end in bounds[:-1])]
    assert bounds[-1][1] == grid.frames
    assert all(first < end for first, end in bounds)
    assert all((end - first) % grid.gop_frames == 0 for first, end in bounds[:-1])
    assert sum(grid.durations(grid.segments)) == grid.duration


@pytest.mark.parametrize("grid", GRIDS, ids=name)
def test_a_frame_is_whole_ticks(grid: Timeline) -> None:
    assert (timescale(grid) / grid.rate).denominator == 1
    assert 10_000 <= timescale(grid) < 2**32


@pytest.mark.parametrize("grid", GRIDS, ids=name)
def test_audio_is_cut_where_the_video_is(grid: Timeline) -> None:
    audio = AudioTimeline(sample_rate=SAMPLE_RATE, grid=grid)
    assert audio.first_frame(0) == 0
    for index in range(1, audio.segments):
        cut = Fraction(audio.first_frame(index) * AAC_FRAME, SAMPLE_RATE)
        assert abs(cut - grid.segment_start(index)) <= HALF_AAC_FRAME
    durations = audio.durations(audio.segments)
    total = sum(durations)
    assert total == Fraction(audio.total_frames * AAC_FRAME, SAMPLE_RATE)
    assert abs(total - grid.duration) <= HALF_AAC_FRAME or audio.total_frames == 1
    assert all(duration > 0 for duration in durations)
    assert audio.durations(1) == durations[:1]


def test_a_tail_of_milliseconds_has_no_audio_of_its_own() -> None:
    grid = timeline(Fraction(240), 960 + 2, POLICY.model_copy(update={"max_frame_rate": 240}))
    audio = AudioTimeline(sample_rate=SAMPLE_RATE, grid=grid)
    assert (grid.segments, audio.segments) == (2, 1)
    assert audio.durations(1) == [Fraction(audio.total_frames * AAC_FRAME, SAMPLE_RATE)]


@pytest.mark.parametrize(
    ("rate", "gop_s", "gops"),
    [
        *itertools.product(RATES, [0.5, 2, 2.25], [1, 2, 10]),
        (Fraction(100), 4.49, 1),  # the audio's 4.501 s round to another second than the video's 4.49 s
    ],
)
@pytest.mark.parametrize("frames", [1, 100, 1000])
def test_no_segment_rounds_to_more_than_the_target(rate: Fraction, gop_s: float, gops: int, frames: int) -> None:
    """RFC 8216, 4.3.3.1, for the video and for the audio."""
    grid = timeline(rate, frames, EncodingPolicy(gop_s=gop_s, segment_gops=gops))
    audio = AudioTimeline(sample_rate=SAMPLE_RATE, grid=grid)
    longest = max(
        *grid.durations(grid.segments),
        *audio.durations(audio.segments),
    )
    assert int(longest + Fraction(1, 2)) <= grid.target_duration()
    assert grid.target_duration() <= longest + 1 or grid.segments == 1


def test_at_least_one_frame() -> None:
    grid = timeline(Fraction(30), 0, POLICY)
    assert (grid.frames, grid.segments, grid.target_duration()) == (1, 1, 1)
    assert AudioTimeline(sample_rate=SAMPLE_RATE, grid=grid).total_frames == 2


@pytest.mark.parametrize(
    ("segments", "longest_s", "expected"),
    [
        (1, 64, [1]),
        (2, 64, [1, 1]),
        (14, 64, [1, 1, 2, 2, 4, 4]),
        (15, 64, [1, 1, 2, 2, 4, 4, 1]),
        (60, 64, [1, 1, 2, 2, 4, 4, 8, 8, 16, 14]),
        (60, 32, [1, 1, 2, 2, 4, 4, 8, 8, 8, 6, 5, 3, 3, 2, 2, 1]),  # many: shorter again towards the end
        (20, 17, [1, 1, 2, 2, 4, 4, 3, 2, 1]),
        (3, 4, [1, 1, 1]),
        (3, 0.1, [1, 1, 1]),  # a segment is never cut
    ],
)
def test_chunks_grow(segments: int, longest_s: float, expected: list[int]) -> None:
    grid = timeline(Fraction(30), segments * 120, POLICY)
    found = chunks(grid, longest_s)
    assert [chunk.count for chunk in found] == expected
    assert found[0] == Chunk(0, 1)
    assert all(before.first + before.count == after.first for before, after in itertools.pairwise(found))


def test_a_rate_a_thousandth_below_its_name_has_chunks_as_long_as_the_name_says() -> None:
    found = chunks(timeline(Fraction(30000, 1001), 20 * 120, POLICY), 32)
    assert [chunk.count for chunk in found] == [1, 1, 2, 2, 4, 4, 6]
    found = chunks(timeline(Fraction(30000, 1001), 31 * 120, POLICY), 32)
    assert max(chunk.count for chunk in found) == 8


@pytest.mark.parametrize(("head", "ends_there"), [(51, True), (32, True), (31, False), (150, False), (200, False)])
def test_a_head_of_many_chunks_ends_one_and_they_get_shorter_towards_it(head: int, ends_there: bool) -> None:
    found = chunks(timeline(Fraction(30), 150 * 120, POLICY), 32, head)
    assert sum(chunk.count for chunk in found) == 150
    assert (head in [chunk.first for chunk in found]) == ends_there
    if ends_there:
        *_, before, last = [chunk.count for chunk in found if chunk.first < head]
        assert last < 8 and last <= before
    assert max(chunk.count for chunk in found[-3:]) == 2


@pytest.mark.parametrize("rate", [Fraction(1, 4), Fraction(1), Fraction(30)])
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 119, 120, 121, 122, 123, 240, 241, 1800, 1801])
def test_no_chunk_has_fewer_frames_than_an_encoder_needs(rate: Fraction, frames: int) -> None:
    """Unless the media has no more."""
    grid = timeline(rate, frames, POLICY)
    found = chunks(grid, 64)
    counts = [grid.segment_bounds(c.first + c.count - 1)[1] - grid.segment_bounds(c.first)[0] for c in found]
    assert sum(counts) == frames
    assert min(counts) >= min(3, frames)
