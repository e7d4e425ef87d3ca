from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gilfoyle.storage.s3_parts import MOST_PART_BYTES, MOST_PARTS, cut, part_bytes, parts_in_flight

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


@pytest.mark.parametrize("part_mb", [5, 6, 16, 64, 600, 1024])
def test_the_parts_that_s3_allows_hold_what_s3_allows(part_mb: int) -> None:
    sizes = [part_bytes(number, part_mb * MIB) for number in range(1, MOST_PARTS + 1)]
    assert sizes == sorted(sizes)
    assert sum(sizes) >= 5 * TIB
    assert max(sizes) <= MOST_PART_BYTES
    assert sizes[0] == part_mb * MIB


def test_parts_are_of_one_size_up_to_the_upload_limit() -> None:
    sizes = [part_bytes(number, 16 * MIB) for number in range(1, 100 * GIB // (16 * MIB) + 1)]
    assert set(sizes) == {16 * MIB}


@pytest.mark.parametrize(("size", "count"), [(16, 3), (32, 1), (64, 1), (5120, 1)])
def test_four_parts_are_in_memory(size: int, count: int) -> None:
    assert parts_in_flight(size * MIB, 16 * MIB) == count


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield bytes(range(size))


@pytest.mark.parametrize(
    ("sizes", "blocks"),
    [
        ((), [(0, True)]),
        ((0, 0), [(0, True)]),
        ((9,), [(9, True)]),
        ((10,), [(10, True)]),
        ((10, 0), [(10, True)]),
        ((5, 5, 1), [(10, False), (1, True)]),
        ((35,), [(10, False), (20, False), (5, True)]),
        ((9, 2, 30), [(10, False), (20, False), (11, True)]),
        ((10, 20, 30), [(10, False), (20, False), (30, True)]),
    ],
)
async def test_cuts_into_blocks(sizes: tuple[int, ...], blocks: list[tuple[int, bool]]) -> None:
    found = [(bytes(block), last) async for block, last in cut(pieces(*sizes), lambda number: 10 * number)]
    assert [(len(block), last) for block, last in found] == blocks
    assert b"".join(block for block, _ in found) == b"".join([piece async for piece in pieces(*sizes)])
