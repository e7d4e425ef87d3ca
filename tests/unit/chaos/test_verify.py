"""Counting frames by the boxes of segments."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from chaos.sources import FLAC, MP3, STREAM
from chaos.verify import Stream, counted, first_difference, fragments
from gilfoyle.media.boxes import box, full_box

TICKS = 12_800  # a timescale: 512 for each of 25 frames a second


def fragment(at: int, count: int) -> bytes:
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", at))
    trun = full_box(b"trun", 0, 0, struct.pack(">I", count))
    return box(b"moof", full_box(b"mfhd", 0, 0, bytes(4)), box(b"traf", tfdt, trun)) + box(b"mdat", b"x" * count)


def video() -> Stream:
    """200 frames at 25 frames/s, in segments of 50, each in two fragments."""
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">IIIII", 0, 0, TICKS, 0, 0))
    segments = tuple(fragment(first * 512, 25) + fragment((first + 25) * 512, 25) for first in range(0, 200, 50))
    return Stream("90p", box(b"moov", box(b"trak", box(b"mdia", mdhd))), segments, (), True)


def audio(frames: int) -> Stream:
    segments = tuple(fragment(at * 1024, min(100, frames - at)) for at in range(0, frames, 100))
    return Stream("audio-64k", b"", segments, (), True)


def test_fragments_are_found() -> None:
    assert fragments(video().segments[1]) == [(50 * 512, 25), (75 * 512, 25)]
    with pytest.raises(ValueError, match="time or samples"):
        fragments(box(b"moof", box(b"traf")))


def test_a_whole_stream_is_whole() -> None:
    assert counted(video(), STREAM) == []
    assert counted(audio(FLAC.audio_frames), FLAC) == []


@pytest.mark.parametrize(
    ("segments", "complaint"),
    [
        (video().segments[:3], "it has 150 frames, not 200"),
        ((*video().segments[:2], video().segments[3]), "segment 2: a fragment begins at 76800, not at 51200"),
        ((*video().segments[:3], fragment(150 * 512, 49)), "it has 199 frames, not 200"),
        ((*video().segments, fragment(200 * 512, 1)), "it has 201 frames, not 200"),
    ],
)
def test_what_is_missing_or_moved_is_found(segments: tuple[bytes, ...], complaint: str) -> None:
    assert complaint in counted(replace(video(), segments=segments), STREAM)


def test_a_playlist_without_an_end_is_found() -> None:
    assert counted(replace(video(), ended=False), STREAM) == ["its playlist has no end"]


def test_audio_is_exact_unless_the_file_is_padded() -> None:
    assert counted(audio(FLAC.audio_frames - 1), FLAC) != []
    assert counted(audio(MP3.audio_frames + MP3.slack), MP3) == []
    assert counted(audio(MP3.audio_frames + MP3.slack + 1), MP3) != []


def test_the_first_wrong_frame_is_named() -> None:
    assert first_difference([0, 1, 1, 3], [0, 1, 2, 3]) == "frame 2 shows number 1, not 2"
    assert first_difference([0, 1], [0, 1, 2]) == "2 frames can be decoded, not 3"
