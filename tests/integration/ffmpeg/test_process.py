"""Programs are run without a trace: whatever ends them, nothing stays open."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from gilfoyle.ffmpeg.encode import encode
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from tests import processes

MEMORY_MB = 4096
POUR = "cat /dev/zero"


async def closed(opened: set[tuple[str, str]]) -> None:
    """Wait until no more files are open than those."""
    async with asyncio.timeout(5):
        while processes.descriptors() - opened:
            await asyncio.sleep(0.01)


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
        pouring = asyncio.create_task(
            encode(
                lambda writers: ["sh", "-c", f"{POUR} >/dev/fd/{writers[0]}"],
                [slowly],
                lambda _: None,
                memory_mb=MEMORY_MB,
                stall_s=60,
                nice=0,
            )
        )
        for _ in range(steps):
            await asyncio.sleep(0)
        pouring.cancel()
        with suppress(asyncio.CancelledError):
            await pouring
    await closed(opened)


async def test_a_program_that_is_not_there(opened: set[tuple[str, str]], tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="status 127"):
        await capture([os.fspath(tmp_path / "ffprobe")], timeout_s=10, memory_mb=MEMORY_MB)
    await closed(opened)
