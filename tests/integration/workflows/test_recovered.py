"""Workflows that somebody stopped, or that Temporal has lost, with what they had done by then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowFailureError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.recovery import recover
from gilfoyle.catalog import Database, Media, MediaStatus, RenditionStatus
from gilfoyle.temporal.messages import delete_media_id, process_media_id, retry_media_id
from tests.integration.activities.pipeline import LOWEST, SMALL, ffmpegs
from tests.integration.workflows.service import Service, fault
from tests.poison import Poison
from tests.promises import nothing_promised
from tests.sources import read_numbers

Look = Callable[..., Awaitable[None]]
NewService = Callable[..., AbstractAsyncContextManager[Service]]
SLOW = SMALL.model_copy(update={"preset": "slow"})
VIDEO = ["180p", "120p", "90p"]


@pytest.fixture
def look(service: Service, database: Database) -> Look:
    return looker(service, database)


def looker(service: Service, database: Database) -> Look:
    """What the API does once nothing was heard of the medias for a minute."""
    pipeline = Pipeline(service.parts.client, service.parts.settings)

    async def look(changes: str = "") -> None:
        async with database.session() as session:
            await session.execute(text(f"UPDATE media SET due_at = now() - interval '1 second'{changes}"))
        assert await recover(service.parts.catalog, pipeline) == 1

    return look


def segments(service: Service, media: Media) -> dict[str, tuple[int, int]]:
    """When each was written, and its inode."""
    folder = service.root / str(media.id) / str(media.encoding)
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*.m4s")}


async def test_one_that_an_operator_cancelled_ends_its_media_and_can_be_tried_again(
    service: Service, long_film: Path
) -> None:
    media = await service.accept(long_film)
    handle = await service.process(media, SLOW)
    await service.until(media, lambda found: found.playable)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    ended = await service.media(media)
    assert (ended.status, ended.playable, ended.error_code) == (MediaStatus.ERRORED, False, "cancelled")
    assert not segments(service, media)
    again = await service.parts.catalog.retries.begin_again(media.id, 1)
    await (await service.process(again, LOWEST)).result()
    assert (await service.media(media)).status == MediaStatus.READY


async def test_one_that_was_lost_goes_on_where_it_was(service: Service, look: Look, long_film: Path) -> None:
    """By the plan and the settings of its beginning: what is stored is not encoded again, and plays meanwhile."""
    media = await service.accept(long_film)
    # Under another id: Temporal knows nothing of the one that it should have, as after a power cut.
    handle = await service.process(media, SLOW, again=True)
    await service.until(media, lambda found: found.playable and found.progress > 0.2)
    await handle.terminate()
    async with asyncio.timeout(20):
        while ffmpegs():
            await asyncio.sleep(0.1)
    before = segments(service, media)
    assert before
    await look()
    found = await service.media(media)
    assert (found.status, found.playable, found.encoding) == (MediaStatus.PROCESSING, True, 1)
    await asyncio.wait_for(service.parts.client.get_workflow_handle(process_media_id(media.id, 1)).result(), 60)
    assert (await service.media(media)).status == MediaStatus.READY
    after = segments(service, media)
    assert {path: after[path] for path in before} == before
    assert [read_numbers(service.playlist(media, name)) for name in VIDEO] == [list(range(900))] * 3


async def test_one_of_which_the_catalog_forgot_the_end_is_done_again_at_once(
    service: Service, look: Look, film: Path
) -> None:
    """The catalog was restored from a moment before. Nothing is encoded for that."""
    media = await service.accept(film)
    await (await service.process(media)).result()
    before = segments(service, media)
    await look(", status = 'Processing', progress = 0.5")
    await service.parts.client.get_workflow_handle(process_media_id(media.id, 1)).result()
    assert (await service.media(media)).status == MediaStatus.READY
    assert segments(service, media) == before


async def test_one_that_another_release_began_otherwise_is_not_mixed_with_it(
    service: Service, look: Look, film: Path
) -> None:
    media = await service.accept(film)
    await (await service.process(media)).result()
    seen_otherwise = """probe = jsonb_set(probe, '{container}', '"another"')"""
    await look(f", status = 'Processing', {seen_otherwise}")
    failed = await fault(service.parts.client.get_workflow_handle(process_media_id(media.id, 1)))
    assert failed.details == ("other_release",) and "try the media again" in failed.message
    assert (await service.media(media)).status == MediaStatus.ERRORED


@pytest.mark.slow
async def test_a_retry_that_was_lost_is_begun_again(
    new_service: NewService, database: Database, film: Path, tmp_path: Path
) -> None:
    poison = Poison(tmp_path)
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        poison.take(180)
        await service.parts.catalog.retries.reopen(media.id, "180p")
        await looker(service, database)()
        await service.parts.client.get_workflow_handle(retry_media_id(media.id, 1)).result()
        assert (await service.renditions(media))["180p"].status == RenditionStatus.READY
        assert nothing_promised(await service.media(media))


async def test_a_deletion_that_was_lost_is_begun_again(service: Service, look: Look, film: Path) -> None:
    media = await service.accept(film)
    await service.parts.catalog.medias.mark_deleting(media.id)
    await look()
    await service.parts.client.get_workflow_handle(delete_media_id(media.id)).result()
    assert await service.is_gone(media)
