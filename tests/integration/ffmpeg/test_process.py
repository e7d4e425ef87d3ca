"""Programs are run without a trace: whatever ends them, nothing stays open."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gilfoyle.errors import StorageError
from gilfoyle.ffmpeg import sandbox
from gilfoyle.ffmpeg.encode import Consumer, Cut, encode
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from tests import processes

MEMORY_MB = 4096
POUR = "cat /dev/zero"


async def closed(opened: set[tuple[str, str]]) -> None:
    """Wait until no more files are open than those."""
    async with asyncio.timeout(5):
        while processes.descriptors() - opened:
            await asyncio.sleep(0.01)


async def pour(consumers: Sequence[Consumer], enough: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
    """A program that writes to each consumer without end."""

    def build(writers: Sequence[int]) -> list[str]:
        return ["sh", "-c", " & ".join(f"{POUR} >/dev/fd/{each}" for each in writers)]

    await encode(build, consumers, lambda _: None, memory_mb=MEMORY_MB, stall_s=60, nice=0, enough=enough)


@pytest.fixture
async def opened() -> set[tuple[str, str]]:
    """What is open before a test, and whenever nothing runs."""
    await capture(["true"], timeout_s=10, memory_mb=MEMORY_MB)
    return processes.descriptors()


async def test_more_output_than_is_read_when_its_time_is_over(opened: set[tuple[str, str]]) -> None:
    for centiseconds in range(1, 11):
        with pytest.raises(TimeoutError):
            await capture(["sh", "-c", POUR], timeout_s=centiseconds / 100, memory_mb=MEMORY_MB)
    await closed(opened)


async def test_cancelled_at_any_moment(opened: set[tuple[str, str]]) -> None:
    async def slowly(reader: asyncio.StreamReader) -> None:
        while await reader.read(1 << 16):
            await asyncio.sleep(0.001)

    for steps in range(40):
        pouring = asyncio.create_task(pour([slowly]))
        for _ in range(steps):
            await asyncio.sleep(0)
        pouring.cancel()
        with suppress(asyncio.CancelledError):
            await pouring
    await closed(opened)


async def test_what_lies_in_the_pipes_is_read_when_enough_was_made(opened: set[tuple[str, str]]) -> None:
    full, read = asyncio.Event(), [0, 0]

    async def enough() -> None:
        await asyncio.sleep(0.5)
        full.set()

    def consumer(index: int) -> Consumer:
        async def read_late(reader: asyncio.StreamReader) -> None:
            await full.wait()
            while data := await reader.read(1 << 16):
                read[index] += len(data)
                await asyncio.sleep(0.001)

        return read_late

    with pytest.raises(Cut):
        await pour([consumer(0), consumer(1)], enough)
    assert min(read) >= 1 << 20
    await closed(opened)


@pytest.mark.parametrize("fault", ["of the consumer", "of what tells when"])
async def test_a_fault_is_told_before_that_enough_was_made(fault: str, opened: set[tuple[str, str]]) -> None:
    begun = asyncio.Event()

    async def enough() -> None:
        await begun.wait()
        if "consumer" not in fault:
            raise StorageError(fault)

    async def consume(reader: asyncio.StreamReader) -> None:
        while await reader.read(1 << 16):
            begun.set()
            await asyncio.sleep(0.05)
            if "consumer" in fault:
                raise StorageError(fault)

    with pytest.raises(StorageError, match=fault):
        await pour([consume], enough)
    await closed(opened)


async def test_cancelled_again_while_its_program_is_ended(opened: set[tuple[str, str]]) -> None:
    """As when a worker's grace is over while it hands a pass over: nothing runs once the caller knows."""
    before = processes.children()
    running = asyncio.create_task(
        capture(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], timeout_s=60, memory_mb=MEMORY_MB)
    )
    async with asyncio.timeout(5):
        while len(processes.children()) == len(before):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # until the shell ignores the signal
    while not running.done():
        running.cancel()
        await asyncio.sleep(0.05)
    assert running.cancelled()
    assert processes.children().keys() <= before.keys()
    await closed(opened)


async def test_cancelled_again_while_its_program_is_started(opened: set[tuple[str, str]]) -> None:
    before = processes.children()
    for steps in range(30):
        starting = asyncio.create_task(capture(["sleep", "60"], timeout_s=60, memory_mb=MEMORY_MB))
        for _ in range(steps):
            await asyncio.sleep(0)
        while not starting.done():
            starting.cancel()
            await asyncio.sleep(0)
        assert starting.cancelled()
        assert processes.children().keys() <= before.keys()
    await closed(opened)


async def test_a_program_that_is_not_there(opened: set[tuple[str, str]], tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="status 127"):
        await capture([os.fspath(tmp_path / "ffprobe")], timeout_s=10, memory_mb=MEMORY_MB)
    await closed(opened)


RESERVE = "import mmap; mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=0)"
"""64 GiB of address space to which nothing can be written, as the drivers of cards take it."""
WRITE = "data = bytearray(2 << 30)"


@pytest.fixture
def python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """This Python, with its library, in the sandbox."""
    monkeypatch.setattr(sandbox, "_besides", [sys.prefix, sys.base_prefix])


@pytest.mark.usefixtures("python_runs")
@pytest.mark.parametrize("reserves", [False, True])
async def test_the_memory_of_a_program_is_bounded(reserves: bool) -> None:
    with pytest.raises(ProcessFailed, match="status 1") as failed:
        await capture([sys.executable, "-c", WRITE], timeout_s=60, memory_mb=1024, reserves=reserves)
    assert "MemoryError" in failed.value.tail


@pytest.mark.usefixtures("python_runs")
async def test_address_space_is_not_what_is_bounded_of_what_reserves_it() -> None:
    await capture([sys.executable, "-c", RESERVE], timeout_s=60, memory_mb=1024, reserves=True)
    with pytest.raises(ProcessFailed, match="status 1"):
        await capture([sys.executable, "-c", RESERVE], timeout_s=60, memory_mb=1024)
