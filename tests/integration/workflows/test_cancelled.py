"""What clients cancel while ffmpeg runs: that ends, what was encoded goes, and the source stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Media, MediaStatus
from gilfoyle.storage import keys
from tests.integration.activities.pipeline import SMALL, ffmpegs
from tests.integration.workflows.service import Service
from tests.integration.workflows.test_replacements import Replacing, folders, ready

SLOW = SMALL.model_copy(update={"preset": "slower"})


async def cancel(service: Service, media: Media) -> None:
    """As the API does, until no ffmpeg runs."""
    pipeline = Pipeline(service.parts.client, service.parts.settings)
    await pipeline.cancel(await service.parts.catalog.cancellations.cancel(media.id))
    async with asyncio.timeout(5):
        while ffmpegs():
            await asyncio.sleep(0.02)


async def test_an_encoding(service: Service, long_film: Path) -> None:
    media = await service.accept(long_film)
    handle = await service.process(media, SLOW)
    await service.until(media, lambda found: found.playable and bool(ffmpegs()))
    await cancel(service, media)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    ended = await service.media(media)
    assert (ended.status, ended.error_code, ended.error_message) == (
        MediaStatus.ERRORED,
        "cancelled",
        "It was cancelled.",
    )
    assert [*await service.etags(media)] == [keys.source(media.id)]


async def test_a_replacement(service: Service, film: Path, long_film: Path) -> None:
    media, replacing = await ready(service, film), Replacing(service)
    version = await replacing.encode(media, SLOW)
    await cancel(service, media)
    with pytest.raises(WorkflowFailureError):
        await replacing.ended(media, version)
    now = await service.media(media)
    assert (now.status, now.encoding, now.playable) == (MediaStatus.READY, 1, True)
    assert folders(service, media) == {"source", "1"}
    assert (await replacing.again(media)) == version + 1
    await replacing.ended(media, version + 1)
    assert (await service.media(media)).encoding == version + 1
