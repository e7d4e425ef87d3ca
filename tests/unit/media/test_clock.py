"""One clock, of several."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import pytest

from gilfoyle.media.clock import Clocks, Shift, setts

MS = Fraction(1, 1000)
VIDEO, AUDIO = 0, 1
Packet = tuple[int, int]
"""Stream and stamp; a video packet lasts 40, an audio packet 20."""


def recording(seconds: float, *, at: int = 0, streams: tuple[int, ...] = (VIDEO, AUDIO), lead: int = 0) -> list[Packet]:
    """Packets in the order of their times, from `at` on; the audio begins `lead` earlier."""
    found = [(VIDEO, at + n * 40) for n in range(int(seconds * 25))] if VIDEO in streams else []
    audio_tracks = (
        [(AUDIO, at - lead + n * 20) for n in range(int(seconds * 50 + lead // 20))] if AUDIO in streams else []
    )
    return sorted([*found, *audio_tracks], key=lambda packet: packet[1])


def mended(packets: list[Packet], *, leaps: bool = True, streams: int = 2) -> dict[int, list[int]]:
    """The stamps of each stream, as they are mended."""
    clocks = Clocks(dict.fromkeys(range(streams), MS), leaps=leaps)
    numbers = {stream: itertools.count() for stream in range(streams)}
    for stream, stamp in packets:
        clocks.take(stream, next(numbers[stream]), stamp, stamp, 20 if stream == AUDIO else 40)
    shifts = clocks.shifts()
    return {
        stream: list(_shifted([stamp for each, stamp in packets if each == stream], shifts.get(stream, ())))
        for stream in range(streams)
    }


def _shifted(stamps: list[int], shifts: tuple[Shift, ...]) -> Iterator[int]:
    for number, stamp in enumerate(stamps):
        yield stamp + next((shift.ticks for shift in reversed(shifts) if shift.packet <= number), 0)


def test_one_clock_is_left_alone() -> None:
    clocks = Clocks({0: MS}, leaps=True)
    for n in range(100):
        clocks.take(0, n, n * 40, n * 40, 40)
    assert clocks.shifts() == {}


@pytest.mark.parametrize("second", [0, 100, 60_000, 36_000_000, 1500])
def test_two_recordings_follow_upon_each_other(second: int) -> None:
    found = mended([*recording(3), *recording(3, at=second)])
    assert found[VIDEO] == [n * 40 for n in range(150)]
    assert found[AUDIO] == [n * 20 for n in range(300)]


@pytest.mark.parametrize("ahead", [256, 4096, 9000])
@pytest.mark.parametrize("stream", [VIDEO, AUDIO])
def test_a_single_wrong_stamp_is_no_clock(stream: int, ahead: int) -> None:
    """A bit was flipped: what comes after it goes on as if nothing had been."""
    packets = recording(3)
    number = next(n for n, packet in enumerate(packets) if packet[0] == stream and packet[1] >= 1500)
    packets[number] = (stream, packets[number][1] + ahead)
    found = mended(packets)
    assert found[VIDEO] == [n * 40 for n in range(75)]
    assert found[AUDIO] == [n * 20 for n in range(150)]


def test_a_wrong_stamp_in_a_second_recording() -> None:
    second = recording(3)
    second[60] = (second[60][0], second[60][1] + 512)
    found = mended([*recording(3), *second])
    assert found[VIDEO] == [n * 40 for n in range(150)]
    assert found[AUDIO] == [n * 20 for n in range(300)]


def test_many_recordings() -> None:
    found = mended([packet for _ in range(20) for packet in recording(2)])
    assert found[VIDEO] == [n * 40 for n in range(1000)]


def test_streams_change_their_clock_at_different_packets() -> None:
    """The audio of the first recording is still on its way when the video of the second begins."""
    first, second = recording(3), recording(3)
    late = [packet for packet in first if packet[0] == AUDIO][-10:]
    packets = [*(packet for packet in first if packet not in late), *second[:12], *late, *second[12:]]
    assert mended(packets)[VIDEO] == [n * 40 for n in range(150)]


def test_audio_keeps_its_place_to_the_video_of_its_recording() -> None:
    """A frame of priming before it overlaps with the audio before: that is cut when it is decoded."""
    found = mended([*recording(3), *recording(3, at=1000, lead=20)])
    assert found[VIDEO][75] == 3000 and found[AUDIO][150] == 2980


def test_audio_that_begins_long_before_its_video_is_not_cut() -> None:
    """A broadcast is entered within a GOP: a second of audio before the first frame."""
    found = mended([*recording(3), *recording(3, at=2000, lead=1000)])
    assert found[AUDIO][150] == 3000 and found[VIDEO][75] == 4000


def test_a_hole_stays_a_hole() -> None:
    silent = [packet for packet in recording(30) if packet[0] == VIDEO or not 5000 <= packet[1] < 20_000]
    assert mended(silent)[AUDIO] == [stamp for stream, stamp in silent if stream == AUDIO]
    short = [*recording(3), *recording(3, at=9000)]
    assert mended(short)[VIDEO][75] == 9000


def test_a_pause_is_no_leap_where_clocks_do_not_leap() -> None:
    assert mended([*recording(3), *recording(3, at=63_000)], leaps=False)[VIDEO][75] == 63_000


def test_what_only_warms_a_decoder_up_takes_no_time() -> None:
    """Opus begins 6.5 ms before 0 (RFC 7845, 4.2)."""
    song = [(VIDEO, n * 40 - 7) for n in range(50)]
    assert mended([*song, *song], streams=1)[VIDEO][50] == 1993 - 7


def test_nonsense_is_not_mended() -> None:
    stamps = [n * 61_007 % 100_000 for n in range(2000)]
    assert mended([(VIDEO, stamp) for stamp in stamps], streams=1)[VIDEO] == stamps


def test_the_filter_adds_up() -> None:
    shifts = [Shift(packet=3, ticks=10, span=1), Shift(packet=9, ticks=-5, span=2)]
    added = "gte(N,3)*(10)+gte(N,9)*(-15)"
    assert setts(shifts) == (
        f"setts=pts='if(eq(PTS,NOPTS),NOPTS,PTS+{added})':dts='if(eq(DTS,NOPTS),NOPTS,DTS+{added})'"
    )
