"""Cancelled and deleted at any moment, many times: nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import psutil
import pytest
from temporalio.client import WorkflowExecutionStatus

from gilfoyle.catalog import Media
from tests.integration.activities.pipeline import SMALL, ffmpegs
from tests.integration.workflows.service import Handle, Service

TIMES, AT_ONCE = 200, 4
# A media is Ready after about three seconds.
LATEST_S = 4.0


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_two_hundred_times(service: Service, film: Path) -> None:
    chance = random.Random(5)
    slots = asyncio.Semaphore(AT_ONCE)

    async def once(moment: float, *, cancelled: bool) -> WorkflowExecutionStatus | None:
        async with slots:
            media = await service.accept(film)
            processing = await service.process(media, SMALL)
            await asyncio.sleep(moment)
            if cancelled:
                await processing.cancel()
                await _ended(processing)
                assert not of(media)
            deleting = await service.delete(media)
            async with asyncio.timeout(3):
                while not await service.is_hidden(media) or of(media):
                    await asyncio.sleep(0.05)
            await asyncio.wait_for(deleting.result(), 30)
            assert not (service.root / str(media.id)).exists()
            return (await processing.describe()).status

    ends = await asyncio.gather(
        *(once(chance.uniform(0, LATEST_S), cancelled=chance.random() < 0.5) for _ in range(TIMES))
    )
    # Moments before, in and after the work.
    assert {WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.COMPLETED} <= set(ends)
    assert not ffmpegs()
    assert not list(service.root.glob("*-*")) and not list((service.root / ".tmp").iterdir())


def of(media: Media) -> list[psutil.Process]:
    """The ffmpegs that read this media."""
    return [process for process in ffmpegs() if any(str(media.id) in word for word in _words(process))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def _ended(handle: Handle) -> None:
    async with asyncio.timeout(10):
        while (await handle.describe()).status == WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(0.05)
