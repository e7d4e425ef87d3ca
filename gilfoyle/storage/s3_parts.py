"""How a large object is cut into the parts of a multipart upload. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

MOST_PARTS = 10_000
"""S3's limit on the parts of an object; 5 GiB is its limit on a part, 5 TiB on an object."""
MOST_PART_BYTES = 5 << 30

# R2 wants all parts but the last of one size: so it is, up to 101 GiB with the default part of 16 MiB. From there on
# parts double often enough for 10,000 of them, from 5 MiB on, to hold 5 TiB.
_EQUAL_PARTS = 6_500
_DOUBLE_EVERY = 300

_BLOCKS_IN_MEMORY = 4


def part_bytes(number: int, first: int) -> int:
    """The size of part `number` (1, 2, …) of an object whose first part has `first` bytes."""
    doublings = max(0, (number - _EQUAL_PARTS - 1) // _DOUBLE_EVERY + 1)
    return min(first << doublings, max(first, MOST_PART_BYTES))


def parts_in_flight(size: int, first: int) -> int:
    """How many parts of `size` may be on their way while the next is filled: four of the first size, all in all."""
    return max(1, _BLOCKS_IN_MEMORY * first // size - 1)


async def cut(data: AsyncIterator[bytes], size_of: Callable[[int], int]) -> AsyncIterator[tuple[bytearray, bool]]:
    """The data in blocks of `size_of(1)`, `size_of(2)`, … bytes, each with whether it is the last.

    The last one may be shorter, and is empty if there is no data at all.
    """
    number, block = 1, bytearray()
    async for piece in data:
        rest = memoryview(piece)
        while rest:
            room = size_of(number) - len(block)
            if room == 0:
                yield block, False
                number, block = number + 1, bytearray()
                continue
            block += rest[:room]
            rest = rest[room:]
    yield block, True
