from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gilfoyle.storage.s3.memory import Memory, Rate
from gilfoyle.storage.s3.upload import MOST_PART_BYTES, MOST_PARTS, cut, even_part_bytes, part_bytes, parts_in_flight

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
    ("sizes", "parts"),
    [
        ((), [(0, True)]),
        ((0, 0), [(0, True)]),
        ((9,), [(9, True)]),
        ((10,), [(10, True)]),
        ((10, 0), [(10, True)]),
        ((5, 5, 1), [(10, False), (1, True)]),
        ((35,), [(10, False), (10, False), (10, False), (5, True)]),
        ((9, 2, 30), [(10, False), (10, False), (10, False), (10, False), (1, True)]),
    ],
)
async def test_cuts_into_parts(sizes: tuple[int, ...], parts: list[tuple[int, bool]]) -> None:
    memory = Memory(1000, 10)
    found = [(part, last) async for part, last in cut(pieces(*sizes), 10, memory)]
    assert [(len(part.data), last) for part, last in found] == parts
    assert b"".join(bytes(part.data) for part, _ in found) == b"".join([piece async for piece in pieces(*sizes)])
    assert memory.used == sum(sizes)
    for part, _ in found:
        part.claim.release()
    assert memory.used == 0


@pytest.mark.parametrize("short", [False, True])
async def test_parts_are_the_smallest_while_memory_is_short(short: bool) -> None:
    memory = Memory(64 * MIB, 16 * MIB)
    held = memory.claim(16 * MIB, Rate())
    if short:
        await held.take(16 * MIB)

    async def mebibytes() -> AsyncIterator[bytes]:
        for number in range(21):
            if number == 7:
                held.release()  # it is short no more, but all parts are to be of one size
            yield bytes(MIB)

    found = []
    async for part, last in cut(mebibytes(), 16 * MIB, memory):
        found.append((len(part.data) // MIB, last))
        part.claim.release()
    assert found == ([(5, False)] * 4 + [(1, True)] if short else [(16, False), (5, True)])


async def test_what_fails_gives_its_memory_back() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(15)
        raise RuntimeError("cut")

    memory = Memory(1000, 10)
    with pytest.raises(RuntimeError):
        async for part, _last in cut(failing(), 10, memory):
            part.claim.release()
    assert memory.used == 0


@pytest.mark.parametrize(
    ("size", "least", "expected"),
    [
        (1, 16 * MIB, 16 * MIB),
        (MOST_PARTS * 16 * MIB, 16 * MIB, 16 * MIB),
        (MOST_PARTS * 16 * MIB + 1, 16 * MIB, 17 * MIB),
        (5 * TIB, 5 * MIB, 525 * MIB),
        (1, MIB, 5 * MIB),
    ],
)
def test_parts_of_one_size_are_as_many_as_s3_takes(size: int, least: int, expected: int) -> None:
    assert even_part_bytes(size, least) == expected
    assert -(-size // expected) <= MOST_PARTS
    assert expected <= MOST_PART_BYTES
