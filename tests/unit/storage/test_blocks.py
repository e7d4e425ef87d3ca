"""An object read in blocks: right, fetched once, and never taken for shorter than it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from random import Random

import pytest

from gilfoyle.errors import StorageError
from gilfoyle.storage import blocks as rooms
from gilfoyle.storage.blocks import Blocks

DATA = Random(3).randbytes(100_000)


class Memory:
    """A storage of one object, which notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.fault: Exception | None = None
        self.fault_at = 0
        self.end = len(DATA)
        self.gate = asyncio.Event()
        self.gate.set()

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        self.asked.append((start, end))
        await self.gate.wait()
        for at in range(start, min(end, self.end), 700):
            if self.fault and at >= self.fault_at:
                raise self.fault
            yield DATA[at : min(at + 700, end, self.end)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "BLOCK_BYTES", 1000)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def blocks(memory: Memory) -> AsyncIterator[Blocks]:
    blocks = Blocks(memory, "m/source", len(DATA))  # type: ignore[arg-type]
    yield blocks
    await blocks.close()


async def read(blocks: Blocks, start: int, end: int) -> bytes:
    return b"".join([bytes(piece) async for piece in blocks.read(start, end)])


async def test_any_range_is_read(blocks: Blocks) -> None:
    for start, end in ((0, 1), (0, 1000), (999, 1001), (1, 99_999), (99_999, 100_000), (0, 100_000), (5000, 5000)):
        assert await read(blocks, start, end) == DATA[start:end]


async def test_more_is_asked_for_the_longer_somebody_reads(blocks: Blocks, memory: Memory) -> None:
    await read(blocks, 0, 20_000)
    assert memory.asked[:5] == [(0, 1000), (1000, 3000), (3000, 7000), (7000, 11_000), (11_000, 15_000)]


async def test_who_reads_a_header_costs_one_block(blocks: Blocks, memory: Memory) -> None:
    async with aclosing(blocks.read(0, len(DATA))) as pieces:
        await anext(pieces)
    assert memory.asked == [(0, 1000)]


async def test_several_readers_share_what_is_read(blocks: Blocks, memory: Memory) -> None:
    found = await asyncio.gather(*(read(blocks, start, 30_000) for start in (0, 0, 500, 2500)))
    assert found == [DATA[start:30_000] for start in (0, 0, 500, 2500)]
    assert sum(end - start for start, end in memory.asked) == 30_000


async def test_few_are_kept(blocks: Blocks, memory: Memory) -> None:
    await read(blocks, 0, len(DATA))
    assert len(blocks._blocks) <= rooms.KEPT
    memory.asked.clear()
    assert await read(blocks, 0, 1000) == DATA[:1000]
    assert memory.asked == [(0, 1000)]


async def test_a_fault_is_told_and_the_next_who_asks_has_another_try(blocks: Blocks, memory: Memory) -> None:
    memory.fault, memory.fault_at = StorageError("It can't be reached."), 4200
    with pytest.raises(StorageError, match="can't be reached"):
        await read(blocks, 0, 10_000)
    memory.fault = None
    assert await read(blocks, 0, 10_000) == DATA[:10_000]


async def test_a_fault_of_a_package_of_its_own_is_a_storage_error(blocks: Blocks, memory: Memory) -> None:
    """Not even one that looks as if the reader had gone."""
    memory.fault = ConnectionResetError("reset")
    with pytest.raises(StorageError, match="ConnectionResetError") as failed:
        await read(blocks, 0, 10)
    assert failed.value.__cause__ is memory.fault


async def test_an_object_that_ends_too_early_is_a_fault(blocks: Blocks, memory: Memory) -> None:
    memory.end = 2500
    with pytest.raises(StorageError, match="it ends at byte 2500"):
        await read(blocks, 0, 10_000)


async def test_it_tells_how_long_the_storage_has_owed_something(blocks: Blocks, memory: Memory) -> None:
    assert blocks.waits_s == 0
    memory.gate.clear()
    reading = asyncio.create_task(read(blocks, 0, 10))
    await asyncio.sleep(0.05)
    assert blocks.waits_s >= 0.05
    memory.gate.set()
    await reading
    assert blocks.waits_s == 0


async def test_closing_ends_what_is_asked_for(blocks: Blocks, memory: Memory) -> None:
    memory.gate.clear()
    reading = asyncio.create_task(read(blocks, 0, 10))
    await asyncio.sleep(0)
    await blocks.close()
    with pytest.raises(asyncio.CancelledError):
        await reading
