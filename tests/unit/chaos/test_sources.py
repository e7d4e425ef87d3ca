"""What is uploaded, and what must come of it."""

from __future__ import annotations

from chaos.sources import BITS, FILM, FLAC, MATROSKA, SOURCES, VARIABLE, bars, read_bars


def shrunk(frame: bytes) -> bytes:
    """The first row, each bar as one gray pixel."""
    return frame[10:320:20]


def test_bars_are_read_as_they_are_drawn() -> None:
    gray = b"".join(shrunk(frame) for frame in bars(300))
    assert len(gray) == 300 * BITS
    assert read_bars(gray) == list(range(300))


def test_a_frame_that_is_left_out_shows_the_one_before() -> None:
    assert VARIABLE.numbers[58:62] == [58, 59, 59, 59]
    assert VARIABLE.numbers[89:91] == [59, 90]
    assert len(VARIABLE.numbers) == VARIABLE.frames


def test_audio_is_counted_in_frames_of_1024_samples() -> None:
    assert FLAC.audio_frames == 24 * 48_000 / 1024
    assert FILM.audio_frames == 563  # 12 s: 562.5
    assert MATROSKA.audio_frames == 469  # 10.01 s


def test_kinds_are_told_apart() -> None:
    assert len({source.name for source in SOURCES}) == len({source.file for source in SOURCES}) == len(SOURCES)
