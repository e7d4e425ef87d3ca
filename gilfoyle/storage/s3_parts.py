"""How a large object is cut into the parts of a multipart upload."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from gilfoyle.storage.s3_memory import Claim, Memory, Rate

MOST_PARTS = 10_000
"""S3's limit on the parts of an object; 5 GiB is its limit on a part, 5 TiB on an object."""
LEAST_PART_BYTES = 5 << 20
"""Of all parts but the last."""
MOST_PART_BYTES = 5 << 30

# R2 wants all parts but the last of one size: so it is, up to 101 GiB with the default part of 16 MiB, and up to 31 GiB
# with the smallest. From there on parts double often enough for 10,000 of them, from 5 MiB on, to hold 5 TiB.
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


@dataclass(frozen=True)
class Part:
    claim: Claim
    """To be released when the data is not needed any more."""
    data: bytearray = field(default_factory=bytearray)


async def cut(data: AsyncIterator[bytes], first: int, memory: Memory) -> AsyncIterator[tuple[Part, bool]]:
    """The data in parts, the first of `first` bytes, each with whether it is the last.

    The last one may be shorter, and is empty if there is no data at all. Takes no more than the memory has room for;
    if that is short from the beginning, the smallest parts do, so that more uploads go on at a time.
    """
    rate, number = Rate(), 1
    part = Part(memory.claim(first, rate))
    try:
        async for piece in _timed(data, rate):
            if number == 1 and memory.short and len(part.data) <= LEAST_PART_BYTES < first:
                first = LEAST_PART_BYTES
                part.claim.shrink(first)
            rest = memoryview(piece)
            while rest:
                room = part_bytes(number, first) - len(part.data)
                if room == 0:
                    yield part, False
                    number += 1
                    part = Part(memory.claim(part_bytes(number, first), rate))
                    continue
                await part.claim.take(min(room, len(rest)))
                part.data.extend(rest[:room])
                rest = rest[room:]
    except BaseException:
        part.claim.release()
        raise
    yield part, True


async def _timed(data: AsyncIterator[bytes], rate: Rate) -> AsyncIterator[bytes]:
    begin = time.monotonic()
    async for piece in data:
        rate.note(len(piece), time.monotonic() - begin)
        yield piece
        begin = time.monotonic()
