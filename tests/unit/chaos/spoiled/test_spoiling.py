"""Bytes are spoiled in many ways, and always in the same one by the same seed."""

from __future__ import annotations

import random
import struct

import pytest

from chaos.spoiled.spoiling import WAYS, Spoil, drop_element, spoiled


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


MP4 = box(b"ftyp", b"isom") + box(b"moov", box(b"trak", box(b"tkhd", bytes(80)))) + box(b"mdat", bytes(range(256)) * 4)
TS = (b"G" + bytes(187)) * 12
OGG = (b"OggS" + bytes(100)) * 5
NONE = bytes(range(256)) * 3
FILES = {"mp4": MP4, "ts": TS, "ogg": OGG, "none": NONE}


@pytest.mark.parametrize("way", sorted(set(WAYS), key=lambda way: way.__name__), ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", FILES)
def test_each_way_takes_any_file(way: Spoil, name: str) -> None:
    for seed in range(50):
        assert isinstance(way(random.Random(seed), FILES[name], NONE), bytes)


def test_the_same_seed_spoils_in_the_same_way() -> None:
    assert spoiled("1-7", MP4, [TS]) == spoiled("1-7", MP4, [TS])
    assert len({spoiled(f"1-{number}", MP4, [TS])[0] for number in range(40)}) > 35


@pytest.mark.parametrize("data", [MP4, TS, OGG, NONE, b"x" * 20, b"tiny"])
def test_what_is_spoiled_is_neither_empty_nor_as_it_was(data: bytes) -> None:
    for number in range(100):
        out, ways = spoiled(str(number), data + b"!" * 20, [NONE])
        assert out
        assert out != data + b"!" * 20
        assert ways


def test_boxes_packets_and_pages_go_missing_as_a_whole() -> None:
    shorter = {len(MP4) - len(drop_element(random.Random(seed), MP4, b"")) for seed in range(60)}
    assert shorter == {12, 88, 96, 104, 1032}
    assert {len(TS) - len(drop_element(random.Random(seed), TS, b"")) for seed in range(9)} == {188}
    assert {len(OGG) - len(drop_element(random.Random(seed), OGG, b"")) for seed in range(9)} == {104}
