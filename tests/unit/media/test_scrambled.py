"""What packets say of being scrambled."""

from __future__ import annotations

import pytest

from gilfoyle.media.scrambled import is_scrambled_program, scrambled_pids, scrambled_streams
from tests.unit.media.probes import audio_json, found, video_json


def packet(pid: int, control: int, *, before: int = 0) -> bytes:
    return bytes(before) + bytes([0x47, pid >> 8, pid & 0xFF, control << 6 | 0x10]) + b"\xff" * 184


def pes(scrambling: int) -> bytes:
    return b"\0\0\x01\xe0\0\x20" + bytes([0x80 | scrambling << 4]) + bytes(29)


@pytest.mark.parametrize("before", [0, 4, 16])
@pytest.mark.parametrize("cut", [0, 1, 100])
def test_pids(before: int, cut: int) -> None:
    stream = b"".join(packet(0x100 + index % 3, (0, 2, 3)[index % 3], before=before) for index in range(60))
    assert scrambled_pids([stream[cut:]]) == {0x101, 0x102}


def test_most_packets_decide() -> None:
    """A broadcast's first second may be clear, and a single bit may be wrong."""
    assert scrambled_pids([packet(256, 0) * 20, packet(256, 2) * 30]) == {256}
    assert scrambled_pids([packet(256, 0) * 40, packet(256, 2) * 10]) == set()


@pytest.mark.parametrize("data", [b"", b"G", b"G" * 188, bytes(5000)])
def test_what_are_no_packets(data: bytes) -> None:
    assert scrambled_pids([data]) == set()
    assert not is_scrambled_program([data])


def test_a_disc() -> None:
    assert is_scrambled_program([(pes(0) + pes(1)) * 10])
    assert not is_scrambled_program([pes(0) * 20])


def test_streams_are_found_by_their_pids() -> None:
    streams = [video_json(id="0x100"), audio_json(id="0x101")]
    sample = packet(0x100, 0) * 20 + packet(0x101, 2) * 20
    assert scrambled_streams(found(*streams, format_name="mpegts"), [sample]) == {1}
    assert scrambled_streams(found(*streams, format_name="mpeg"), [pes(2) * 9]) == {0, 1}
    assert scrambled_streams(found(*streams), [sample]) == set()
