"""Segments from real ffmpeg output: the same from any pieces, at exact times, and nothing but what was asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction

import pytest

from gilfoyle.media.boxes import BoxReader, box, children, find, insert
from gilfoyle.media.cmaf import AudioSplitter, FragmentError, Segment, Splitter, VideoSplitter, edit_list, timescale
from gilfoyle.media.timeline import AAC_FRAME, SAMPLE_RATE, Timeline
from tests.unit.media.fragments import audio_bytes, audio_only_grid, pieces, small, split, video_bytes

NTSC, SECONDS = Fraction(30000, 1001), Fraction(7, 2)


@pytest.fixture(scope="session")
def grid() -> Timeline:
    """30 frames in a segment, and 15 in the last of four."""
    found = small(NTSC, SECONDS)[1].grid
    assert (found.frames, found.segments, found.gop_frames) == (105, 4, 15)
    return found


@pytest.fixture(scope="session")
def video() -> bytes:
    """All four segments, with B-frames."""
    return video_bytes(NTSC, SECONDS, 0, 4, preset="veryfast")


@pytest.fixture(scope="session")
def audio_only() -> bytes:
    return audio_bytes(SECONDS, 0)


@pytest.fixture(scope="session")
def new_video(grid: Timeline) -> Callable[[], VideoSplitter]:
    return lambda: VideoSplitter(grid, 0, 4)


@pytest.fixture(scope="session")
def new_audio() -> Callable[[], AudioSplitter]:
    return lambda: AudioSplitter(audio_only_grid(SECONDS), 0, 4, 1)


def moofs(segment: Segment) -> list[bytes]:
    return [item.data for item in BoxReader().feed(segment.data) if item.kind == b"moof"]


def field(moof: bytes, form: str, offset: int, *path: bytes) -> int:
    start, _ = find(moof, b"moof", *path) or (0, 0)
    return int(struct.unpack_from(form, moof, start + offset)[0])


def decode_time(moof: bytes) -> int:
    return field(moof, ">Q", 4, b"traf", b"tfdt")


def samples(moof: bytes) -> int:
    return field(moof, ">I", 4, b"traf", b"trun")


def sequence(moof: bytes) -> int:
    return field(moof, ">I", 4, b"mfhd")


@pytest.mark.parametrize("size", [1, 7, 8, 100, 4096, 1 << 20])
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_any_pieces_give_the_same_segments(
    kind: str,
    size: int,
    video: bytes,
    audio_only: bytes,
    new_video: Callable[[], Splitter],
    new_audio: Callable[[], Splitter],
) -> None:
    data, new = (video, new_video) if kind == "video" else (audio_only, new_audio)
    whole, cut = new(), new()
    expected = split(whole, [data])
    assert [segment.index for segment in expected] == [0, 1, 2, 3]
    assert split(cut, pieces(data, size)) == expected
    assert cut.init == whole.init is not None


def test_a_segment_comes_with_its_last_byte(video: bytes, new_video: Callable[[], Splitter]) -> None:
    """And the init segment before it: a player needs it first."""
    splitter, fed, expected = new_video(), 0, split(new_video(), [video])
    for piece in pieces(video, 64):
        fed += len(piece)
        for segment in splitter.feed(piece):
            assert splitter.init is not None
            # Boxes of the muxer's own apart, no more was read than the segments so far and their inits need.
            known = sum(len(each.data) for each in expected[: segment.index + 1]) + len(splitter.init)
            assert fed <= known + 64


def test_each_gop_has_its_time_on_the_medias_grid(
    video: bytes, grid: Timeline, new_video: Callable[[], Splitter]
) -> None:
    fragments = [moof for segment in split(new_video(), [video]) for moof in moofs(segment)]
    assert [samples(moof) for moof in fragments] == [15] * 7
    frame = timescale(grid) / NTSC
    assert [decode_time(moof) for moof in fragments] == [index * 15 * frame for index in range(7)]
    assert [sequence(moof) for moof in fragments] == list(range(1, 8))


def test_chunks_are_as_one_piece(video: bytes, grid: Timeline, new_video: Callable[[], Splitter]) -> None:
    """Made on their own, they have the same init segment, and decode times that go on where the others end."""
    whole = new_video()
    split(whole, [video])
    times = []
    for first, count in [(0, 1), (1, 2), (3, 1)]:
        splitter = VideoSplitter(grid, first, count)
        segments = split(splitter, [video_bytes(NTSC, SECONDS, first, count, preset="veryfast")])
        assert [segment.index for segment in segments] == list(range(first, first + count))
        assert splitter.init == whole.init
        times += [decode_time(moof) for segment in segments for moof in moofs(segment)]
    assert times == [index * 15 * 1001 for index in range(7)]


@pytest.mark.parametrize(("preset", "reordered"), [("ultrafast", 0), ("veryfast", 2)])
def test_the_edit_list_takes_reordering_off(preset: str, reordered: int, grid: Timeline) -> None:
    """With B-frames a frame is shown some frames after its decode time; the first one must be shown at 0."""
    splitter = VideoSplitter(grid, 0, 1)
    split(splitter, [video_bytes(NTSC, SECONDS, 0, 1, preset=preset)])
    assert splitter.init
    start, end = find(splitter.init, b"moov", b"trak", b"edts") or (0, 0)
    assert splitter.init[start - 8 : end] == edit_list(reordered * 1001)
    entries, duration, media_time, rate = struct.unpack_from(">IIiI", splitter.init, start + 12)
    assert (entries, duration, media_time, rate) == (1, 0, reordered * 1001, 1 << 16)


def test_there_is_one_edit_list_and_it_follows_the_track_header(
    video: bytes, new_video: Callable[[], Splitter]
) -> None:
    splitter = new_video()
    split(splitter, [video])
    assert splitter.init
    start, end = find(splitter.init, b"moov", b"trak") or (0, 0)
    kinds = [kind for kind, _, _ in children(splitter.init[:end], start)]
    assert kinds[:2] == [b"tkhd", b"edts"] and kinds.count(b"edts") == 1
    assert [item.kind for item in BoxReader().feed(splitter.init)] == [b"ftyp", b"moov"]


def test_audio_is_one_fragment_a_segment_at_exact_samples(
    audio_only: bytes, new_audio: Callable[[], AudioSplitter]
) -> None:
    grid = audio_only_grid(SECONDS)
    splitter = new_audio()
    fragments = [moofs(segment) for segment in split(splitter, [audio_only])]
    assert [len(each) for each in fragments] == [1] * 4
    assert [decode_time(moof) for (moof,) in fragments] == [grid.first_frame(index) * AAC_FRAME for index in range(4)]
    assert [samples(moof) for (moof,) in fragments] == [
        duration * SAMPLE_RATE / AAC_FRAME for duration in grid.durations(4)
    ]
    assert splitter.init and find(splitter.init, b"moov", b"trak", b"edts") is None


def test_audio_samples_lie_where_the_fragment_says(audio_only: bytes, new_audio: Callable[[], AudioSplitter]) -> None:
    """The data offset and the sizes of the `trun` cover the `mdat` exactly."""
    for segment in split(new_audio(), [audio_only]):
        moof, mdat = list(BoxReader().feed(segment.data))
        start, end = find(moof.data, b"moof", b"traf", b"trun") or (0, 0)
        count, offset = struct.unpack_from(">Ii", moof.data, start + 4)
        sizes = struct.unpack(f">{count}I", moof.data[start + 12 : end])
        assert offset == len(moof.data) + mdat.start
        assert sum(sizes) == len(mdat.payload)


def test_audio_is_resumed_where_it_ended(audio_only: bytes, new_audio: Callable[[], AudioSplitter]) -> None:
    grid = audio_only_grid(SECONDS)
    splitter = AudioSplitter(grid, 2, 4, 25)
    resumed, whole = split(splitter, [audio_bytes(SECONDS, 2)]), split(new_audio(), [audio_only])[2:]
    assert [segment.index for segment in resumed] == [2, 3]
    assert [list(map(decode_time, moofs(a))) for a in resumed] == [list(map(decode_time, moofs(b))) for b in whole]
    assert [list(map(samples, moofs(a))) for a in resumed] == [list(map(samples, moofs(b))) for b in whole]


def test_audio_beyond_the_end_of_a_stretch_is_dropped(
    audio_only: bytes, new_audio: Callable[[], AudioSplitter]
) -> None:
    grid = audio_only_grid(SECONDS)
    stretch, whole = split(AudioSplitter(grid, 0, 2, 1), [audio_only]), split(new_audio(), [audio_only])
    assert [segment.data for segment in stretch] == [segment.data for segment in whole[:2]]


def test_too_few_frames(video: bytes, grid: Timeline) -> None:
    short = video_bytes(NTSC, SECONDS, 0, 2, preset="veryfast")
    with pytest.raises(FragmentError, match="60 of 105 frames"):
        split(VideoSplitter(grid, 0, 4), [short])
    with pytest.raises(FragmentError, match="of 105 frames"):
        split(VideoSplitter(grid, 0, 4), [video[: len(video) * 2 // 3]])
    with pytest.raises(FragmentError, match="no frame"):
        split(VideoSplitter(grid, 0, 4), [])


def test_too_many_frames(video: bytes, grid: Timeline) -> None:
    with pytest.raises(FragmentError, match="more frames"):
        split(VideoSplitter(grid, 0, 3), [video])


def test_gops_of_another_length(video: bytes, grid: Timeline) -> None:
    other = grid.model_copy(update={"segment_frames": 20, "gop_frames": 10})
    with pytest.raises(FragmentError, match="crosses the end"):
        split(VideoSplitter(other, 0, other.segments), [video])


def test_too_little_audio(audio_only: bytes, new_audio: Callable[[], AudioSplitter]) -> None:
    with pytest.raises(FragmentError, match="segment 2 of 4"):
        split(new_audio(), [audio_only[: len(audio_only) * 2 // 3]])


def test_audio_beyond_the_end_is_dropped(new_audio: Callable[[], AudioSplitter]) -> None:
    """The encoder's tail, or a source that goes on."""
    longer = split(new_audio(), [audio_bytes(SECONDS + 2, 0)])
    assert [segment.index for segment in longer] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff" * 100,
        b"<html>a gateway's error page</html>",
        box(b"abcd", b"?"),
        box(b"mdat", b"data before any fragment"),
        box(b"ftyp") + box(b"moof"),
        box(b"moof", box(b"traf")) + box(b"mdat", b"x"),
    ],
)
def test_garbage_raises(garbage: bytes, new_video: Callable[[], Splitter], new_audio: Callable[[], Splitter]) -> None:
    for splitter in (new_video(), new_audio()):
        with pytest.raises(FragmentError):
            split(splitter, [garbage])


def test_a_fragment_without_a_wide_decode_time_raises(video: bytes, new_video: Callable[[], Splitter]) -> None:
    damaged = video.replace(b"tfdt\x01", b"tfdt\x00", 1)
    with pytest.raises(FragmentError, match="64-bit"):
        split(new_video(), [damaged])


def test_boxes_that_carry_no_media_are_skipped(video: bytes, new_video: Callable[[], Splitter]) -> None:
    expected = split(new_video(), [video])
    assert split(new_video(), [video + box(b"mfra", b"index")]) == expected
    assert split(new_video(), [box(b"free", b"space") + video]) == expected


def test_insert_is_what_makes_the_init(video: bytes, new_video: Callable[[], Splitter]) -> None:
    head = b"".join(item.data for item in BoxReader().feed(video) if item.kind in {b"ftyp", b"moov"})
    splitter = new_video()
    split(splitter, [video])
    assert splitter.init == insert(head, (b"moov", b"trak"), edit_list(2 * 1001))
