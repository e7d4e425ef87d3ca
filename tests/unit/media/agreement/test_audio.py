"""Where audio tracks are, how loud, and what of them is missing: by levels of a millisecond each."""

from __future__ import annotations

import math
from array import array

import pytest

from gilfoyle.media.agreement.audio import RATE, Levels, hear, together
from tests.unit.media.agreement.drawing import audio, speech


@pytest.mark.parametrize("late_ms", [0, 3, 12, 40, 300, 1500, -25])
def test_by_how_much_an_audio_track_is_late(late_ms: int) -> None:
    found = hear(audio(speech, 12), audio(lambda at: speech(at - late_ms / 1000), 12), 0.0)
    assert [window.offset_ms for window in found.windows] == [late_ms]


def test_an_audio_track_that_drifts_is_told_minute_by_minute() -> None:
    found = hear(audio(speech, 72), audio(lambda at: speech(at * 0.9995), 72), 0.0)
    assert [(window.at, window.offset_ms) for window in found.windows] == [
        (0, pytest.approx(15, abs=3)),
        (60, pytest.approx(33, abs=3)),
    ]


def test_what_is_at_zero_in_the_stream_may_be_later_in_the_source() -> None:
    found = hear(audio(speech, 12, start=1.5), audio(speech, 12), 1.5)
    assert [window.offset_ms for window in found.windows] == [0]


def test_a_tone_tells_no_place_and_another_audio_is_none() -> None:
    tone = audio(lambda at: 0.5 * math.sin(2 * math.pi * 440 * at), 15)
    assert hear(tone, tone, 0.0).windows[0].offset_ms in (None, 0)
    hum = audio(lambda at: 0.5 * math.sin(2 * math.pi * 310 * at), 15)
    assert hear(tone, hum, 0.0).windows[0].offset_ms is None
    other = hear(audio(speech, 15), audio(lambda at: speech(300 - 1.7 * at), 15), 0.0)
    assert other.windows[0].likeness is not None
    assert other.windows[0].likeness < 0.5


def test_how_much_louder_it_is() -> None:
    found = hear(audio(speech, 10), audio(lambda at: speech(at) / 2, 10), 0.0)
    assert found.gain_db == pytest.approx(-6, abs=0.3)


def test_where_it_is_silent_and_the_source_is_not() -> None:
    found = hear(audio(speech, 10), audio(lambda at: 0 if 4 <= at < 5 else speech(at), 10), 0.0)
    assert 3 <= len(found.silent) <= 10
    assert all(4 <= at < 5 for at in found.silent)
    assert hear(audio(lambda at: 0 if 4 <= at < 5 else speech(at), 10), audio(speech, 10), 0.0).extra == found.silent


def test_what_is_loud_beyond_the_ends_is_cut() -> None:
    found = hear(audio(speech, 10), audio(lambda at: speech(at + 1), 8), 1.0)
    assert found.before_s == pytest.approx(0.6, abs=0.2)
    assert found.after_s == pytest.approx(0.6, abs=0.2)
    silent = hear(audio(lambda _at: 0.0, 10), audio(lambda _at: 0.0, 8), 1.0)
    assert (silent.before_s, silent.after_s, silent.gain_db) == (0, 0, None)


def samples(count: int) -> bytes:
    return array("h", [20_000] * count).tobytes()


def test_a_hole_in_the_stamps_is_silence_and_an_overlap_is_cut() -> None:
    levels = Levels()
    levels.hear(0.5, samples(RATE))
    levels.hear(2.5, samples(RATE))
    levels.hear(3.0, samples(RATE))
    assert (levels.start, levels.end) == (0.5, 4.0)
    assert [level > 0 for level in levels.levels[::500]] == [True, True, False, False, True, True, True]


def test_without_stamps_of_its_own_an_audio_track_has_no_holes() -> None:
    """They are made up, by the rate that it had at first."""
    levels = Levels(stampless=True)
    for index in range(50):
        levels.hear(0.5 + index * 0.05, samples(RATE // 40))
    levels.finish()
    assert (levels.start, levels.end) == (0.5, 0.5 + 50 / 40)
    assert min(levels.levels) > 0


def test_a_packet_without_stamps_that_is_lost_takes_its_time() -> None:
    levels = Levels(stampless=True)
    for index in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18):
        levels.hear(index * 0.05, samples(RATE // 20))
    levels.finish()
    assert levels.end == 0.95
    silent = [at for at in range(950) if not levels.levels[at]]
    assert silent == [*range(250, 350), *range(700, 750)]


def test_a_single_wrong_stamp_is_no_hole() -> None:
    levels = Levels()
    for index in range(20):
        levels.hear(index * 0.05 + (4 if index in (7, 19) else 0), samples(RATE // 20))
    levels.finish()
    assert levels.end == 5
    assert min(levels.levels[:950]) > 0


def test_stamps_that_jitter_leave_no_hole() -> None:
    levels = Levels()
    for index in range(50):
        levels.hear(index * 0.02 + (0.009 if index % 2 else 0), samples(RATE // 50))
    assert levels.end == 1.0
    assert min(levels.levels) > 0


def test_a_cut_is_padded_with_silence() -> None:
    levels = audio(lambda _at: 0.5, 1, start=1)
    assert [bool(level) for level in levels.cut(0.5, 2)[::250]] == [False, False, True, True, True, True, False, False]


def test_tracks_together_are_as_loud_as_the_loudest() -> None:
    both = together([audio(lambda at: at < 1, 2), audio(lambda at: at > 1, 2, start=1)])
    assert (both.start, both.end) == (0, 3)
    assert [bool(level) for level in both.levels[250::500]] == [True, True, False, False, True, True]
