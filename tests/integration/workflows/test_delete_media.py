"""DeleteMedia: whatever the media's state, in the end nothing of it is left."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from gilfoyle.catalog import Attachment
from gilfoyle.storage import Resumable, keys
from tests.integration.activities.pipeline import SMALL, ffmpegs
from tests.integration.workflows.service import Service

SLOW = SMALL.model_copy(update={"preset": "slower"})


async def test_a_media_that_is_being_encoded(service: Service, long_film: Path) -> None:
    """Its ffmpegs end within seconds, and nothing is written after it was removed."""
    media = await service.accept(long_film)
    processing = await service.process(media, SLOW)
    await service.until(media, lambda found: found.playable and bool(ffmpegs()))

    began = time.monotonic()
    deleting = await service.delete(media)
    async with asyncio.timeout(3):
        # Gone for clients, and then for the processor: between two passes there may be no ffmpeg for a moment.
        while not await service.is_hidden(media) or ffmpegs():
            await asyncio.sleep(0.02)
    await asyncio.wait_for(deleting.result(), 30)
    assert time.monotonic() - began < 10
    assert (await processing.describe()).status == WorkflowExecutionStatus.CANCELED
    assert await service.is_gone(media)
    await asyncio.sleep(0.5)
    assert await service.is_gone(media)


async def test_a_media_that_is_ready(service: Service, film: Path) -> None:
    media = await service.accept(film)
    await (await service.process(media)).result()
    other = await service.accept(film)
    await asyncio.wait_for((await service.delete(media)).result(), 30)
    assert await service.is_gone(media)
    assert len(await service.etags(other)) == 1  # nothing of another media


async def test_what_is_beside_it_goes_too(service: Service, film: Path) -> None:
    media, catalog = await service.accept(film), service.parts.catalog
    storage = await service.parts.storages.open()
    await storage.write(keys.attachment(media.id, "a" * 32), b"attached")
    row = Attachment(media_id=media.id, name="a.txt", id="a" * 32, bytes=8, sha256="0" * 64)
    await catalog.attachments.put(row, media.storage, replace=False)
    await asyncio.wait_for((await service.delete(media)).result(), 30)
    assert await service.is_gone(media)
    assert await catalog.attachments.of(media.id) == []


async def test_a_media_whose_processing_never_started(service: Service, film: Path) -> None:
    media = await service.accept(film)
    await asyncio.wait_for((await service.delete(media)).result(), 30)
    assert await service.is_gone(media)


@pytest.mark.parametrize("number", [1, 2])
async def test_what_has_arrived_of_an_upload(service: Service, film: Path, number: int) -> None:
    storage = await service.parts.storages.open()
    assert isinstance(storage, Resumable)
    media = await (service.parts.catalog.medias.create("Film") if number == 1 else service.accept(film))
    assert media.next_upload == number
    await storage.begin(keys.source(media.id, number))
    await asyncio.wait_for((await service.delete(media)).result(), 30)
    assert [write async for write in (await service.parts.storages.open()).unfinished()] == []


async def test_a_media_that_is_gone_already(service: Service, film: Path) -> None:
    media = await service.accept(film)
    await (await service.delete(media)).result()
    await asyncio.wait_for((await service.delete(media)).result(), 30)
    assert await service.is_gone(media)
