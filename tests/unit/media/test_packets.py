"""What the packets of a file tell, from ffprobe's lines."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import pytest

from gilfoyle.media.packets import Listing, Measured, tolerance_s

MS = Fraction(1, 1000)


def measured(lines: Iterable[str], *, base: Fraction = MS, parts: int = 0, streams: int = 2) -> dict[int, Measured]:
    """What lines of `stream,pts,dts,duration,pos,flags` tell of a file without leaps."""
    listing = Listing(dict.fromkeys(range(streams), base), video=0, parts=parts, leaps=False)
    listing.take(f"{line}\n".encode() for line in lines)
    return listing.measured()


def test_where_streams_begin_and_end() -> None:
    found = measured(["0,40,0,40,0,K__", "1,0,0,20,90,K__", "0,80,40,40,99,___", "1,20,20,20,200,K__,Skip Samples"])
    assert (found[0].start, found[0].end, found[0].packets) == (Fraction(40, 1000), Fraction(120, 1000), 2)
    assert (found[1].start, found[1].end, found[1].packet_s) == (0, Fraction(40, 1000), Fraction(20, 1000))


def test_the_latest_end_counts_not_the_last_packet() -> None:
    """B-frames come after what is shown after them."""
    assert measured(["0,0,0,40,0,K__", "0,80,40,40,0,___", "0,40,80,40,0,___"])[0].end == Fraction(120, 1000)


def test_what_an_edit_list_discards_is_not_there() -> None:
    found = measured(["0,0,0,40,0,KD_", "0,40,40,40,0,___", "0,80,80,40,0,_D_"])
    assert (found[0].start, found[0].end) == (Fraction(40, 1000), Fraction(80, 1000))


def test_a_recording_that_begins_within_a_gop_begins_with_its_keyframe() -> None:
    lines = ["0,0,0,40,0,___", "0,40,40,40,0,___", "0,80,80,40,0,K__", "0,120,120,40,0,___"]
    assert measured(lines)[0].start == Fraction(80, 1000)
    assert measured(lines, parts=1)[0].start == 0


def test_a_stream_without_any_times_is_counted() -> None:
    found = measured([f"0,N/A,N/A,40,{at},___" for at in range(75)])
    assert found[0].timeless and found[0].packets == 75


def test_avi_has_decode_times() -> None:
    lines = ["0,N/A,0,1,0,K__", "0,N/A,1,1,0,___", "0,2,2,1,0,___", "0,N/A,3,1,0,___"]  # MPEG-4's B-frames say both
    found = measured(lines, base=Fraction(1, 25))
    assert found[0].decode_times_only and (found[0].start, found[0].end) == (0, Fraction(4, 25))
    assert not measured(["0,0,N/A,40,0,K__", "0,40,N/A,40,0,___"])[0].decode_times_only


def test_where_a_part_begins_there_is_no_jitter() -> None:
    """Sixteen parts of half a second, each 0.06 s after the one before."""
    starts = [part * 560 + packet * 20 for part in range(16) for packet in range(25)]
    lines = [f"1,{start},{start},20,0,K__" for start in starts]
    assert measured(lines, parts=16)[1].jitter_s == 0
    assert measured(lines)[1].jitter_s == pytest.approx(0.06)


def test_other_streams_lines_and_nonsense_are_passed_over() -> None:
    assert set(measured(["5,0,0,40,0,K__", "", "what?", "0,0,0,40,0,K__", "1,0,0"])) == {0}


def test_stamps_at_the_end_of_what_can_be_counted_are_no_fault_of_ours() -> None:
    """A damaged file's; on one clock with what follows them they are larger than 64 bits."""
    far = [f"0,{2**63 - 1000 + n * 10},{2**63 - 1000 + n * 10},10,0,K__" for n in range(50)]
    found = measured([*far, *(f"0,{n * 10},{n * 10},10,0,K__" for n in range(100))])
    assert found[0].packets == 150


def test_encrypted_packets_are_seen() -> None:
    listing = Listing({0: MS, 1: MS}, video=0, parts=0, leaps=False)
    listing.take([b"0,0,0,1,7,K__\n", b"1,0,0,1,99,K__,Encryption info\n"])
    assert (listing.encrypted, listing.last_position) == ({1}, 99)


@pytest.mark.parametrize(
    ("stamps", "rate"),
    [
        (range(0, 4000, 40), Fraction(25)),
        (
            [*range(0, 30_000, 1000), *(30_000 + round(n * 1000 / 30) for n in range(90))],
            Fraction(30),
        ),  # slow, then fast
        ([*(round(n * 1000 / 30) for n in range(90)), *range(3000, 60_000, 1000)], Fraction(30)),  # fast, then slow
        ([n * 40 for n in range(200) if n % 4 != 3], Fraction(75, 4)),  # a quarter is missing
    ],
)
def test_how_fast_frames_come_while_they_come(stamps: Iterable[int], rate: Fraction) -> None:
    found = measured(f"0,{at},{at},N/A,0,K__" for at in stamps)[0].fastest
    assert found is not None and abs(found - rate) < rate / 100


def test_a_camera_that_catches_up_is_not_faster() -> None:
    """After a stall, some frames come at once; of ten minutes, that is no rate."""
    stamps = [n * 40 for n in range(15_000)]
    stamps[7000:7010] = [7009 * 40 - 10 * (9 - n) for n in range(10)]
    found = measured(f"0,{at},{at},40,0,K__" for at in stamps)[0].fastest
    assert found is not None and abs(found - 25) < Fraction(1, 2)


def test_too_few_packets_tell_no_rate() -> None:
    assert measured(f"0,{at},{at},40,0,K__" for at in range(0, 800, 40))[0].fastest is None


def test_stamps_that_are_rounded_are_steady_and_those_of_a_browser_are_not() -> None:
    rounded = measured(f"1,{round(n * 21.333)},{round(n * 21.333)},21,0,K__" for n in range(300))[1]
    shaky = measured(f"1,{n * 20 + (n * 7) % 13},{n * 20},20,0,K__" for n in range(300))[1]
    assert rounded.jitter_s <= 0.001 and 0.005 < tolerance_s(rounded.jitter_s) < 0.01
    assert tolerance_s(shaky.jitter_s) > 0.02
    assert tolerance_s(1) == 0.1


def test_a_hole_is_no_jitter() -> None:
    lines = [f"1,{n * 20 + 1500 * (n > 100)},{n * 20},20,0,K__" for n in range(200)]
    assert measured(lines)[1].jitter_s == 0


def test_a_few_short_holes_of_a_short_file_are_no_jitter() -> None:
    """Else they would stay open, and all that comes after them be early."""
    lines = [f"1,{n * 20 + 60 * (n > 30) + 80 * (n > 50)},{n * 20},20,0,K__" for n in range(77)]
    assert measured(lines)[1].jitter_s == 0
    assert measured(lines[:3])[1].jitter_s == 0


def test_a_single_wrong_stamp_makes_no_stream_longer() -> None:
    lines = [f"0,{n * 40 + 4096 * (n == 48)},{n * 40 + 4096 * (n == 48)},40,0,K__" for n in range(50)]
    found = measured(lines)[0]
    assert (found.end, found.last) == (2, Fraction(196, 100))
    assert [(shift.packet, shift.ticks) for shift in found.shifts] == [(48, -4096), (49, 0)]
