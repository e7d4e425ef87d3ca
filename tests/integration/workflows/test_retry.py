"""Renditions that could not be encoded, tried again: while the media is processed, and once it is Ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Database, Media, MediaStatus, Rendition, RenditionStatus
from gilfoyle.errors import Conflict
from gilfoyle.temporal.messages import retry_media_id
from tests.integration.activities.pipeline import SMALL, ffmpegs
from tests.integration.workflows.service import Handle, Service
from tests.poison import Poison
from tests.promises import nothing_promised
from tests.sources import numbered, read_numbers

NewService = Callable[..., AbstractAsyncContextManager[Service]]
VIDEO = ["180p", "120p", "90p"]


@pytest.fixture
def poison(tmp_path: Path) -> Poison:
    return Poison(tmp_path)


async def retry(service: Service, media: Media, *names: str) -> Handle:
    """What the API does for a media that is Ready."""
    for name in names:
        accepted = await service.parts.catalog.retries.reopen(media.id, name)
        await Pipeline(service.parts.client, service.parts.settings).start_retrying(accepted)
    return service.parts.client.get_workflow_handle(retry_media_id(media.id, 1))


def files(service: Service, media: Media, *renditions: str) -> dict[str, tuple[int, int]]:
    """The objects of the renditions: when each was written, and its inode."""
    folder = service.root / str(media.id) / "1"
    found = [path for name in renditions for path in (folder / name).iterdir()]
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


def listed(service: Service, media: Media) -> list[str]:
    """The video renditions that the master playlist names."""
    master = (service.root / str(media.id) / "1" / "master.m3u8").read_text()
    return [name for name in VIDEO if f"{name}/index.m3u8" in master]


async def row(service: Service, media: Media, name: str) -> Rendition:
    return (await service.renditions(media))[name]


async def until_errored(service: Service, media: Media, name: str) -> None:
    async with asyncio.timeout(30):
        while name not in (rows := await service.renditions(media)) or rows[name].status != RenditionStatus.ERRORED:
            await asyncio.sleep(0.02)


async def test_one_of_a_media_that_is_ready(new_service: NewService, film: Path, poison: Poison) -> None:
    """It is made by the ladder of its time, with the media Ready all the while and the others untouched."""
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        assert (await row(service, media, "180p")).status == RenditionStatus.ERRORED
        others = files(service, media, "120p", "90p", "audio-64k")
        assert listed(service, media) == ["120p", "90p"]

        poison.put(180, harm="sleep 0.5")  # so that what is published meanwhile can be seen
        handle = await retry(service, media, "180p")
        waiting = await row(service, media, "180p")
        assert waiting.status in (RenditionStatus.WAITING, RenditionStatus.ENCODING) and waiting.error_code is None
        while (await handle.describe()).status == WorkflowExecutionStatus.RUNNING:
            found = await service.media(media)
            assert (found.status, found.playable, found.progress) == (MediaStatus.READY, True, 1)
            assert "180p" not in listed(service, media) or "ENDLIST" in service.playlist(media, "180p").read_text()
        await handle.result()

        done = await row(service, media, "180p")
        assert (done.status, done.error_code, done.stored_segments) == (RenditionStatus.READY, None, 8)
        assert done.bandwidth and done.codecs
        assert listed(service, media) == VIDEO
        assert read_numbers(service.playlist(media, "180p")) == list(range(120))
        assert files(service, media, "120p", "90p", "audio-64k") == others
        assert all(summary.startswith("180p: ") for summary in await service.encodes_started(handle))
        assert nothing_promised(await service.media(media))


@pytest.mark.slow
async def test_one_that_fails_again_can_be_tried_again(new_service: NewService, film: Path, poison: Poison) -> None:
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        before = files(service, media, "120p", "90p")
        await (await retry(service, media, "180p")).result()
        again = await row(service, media, "180p")
        assert (again.status, again.error_code) == (RenditionStatus.ERRORED, "encode_failed")
        assert again.error_message == "ffmpeg could not encode this: it ended with status 1."
        assert await service.warnings(media) == ["rendition_failed"]
        assert (await service.media(media)).status == MediaStatus.READY
        assert listed(service, media) == ["120p", "90p"]
        poison.take(180)
        await (await retry(service, media, "180p")).result()
        assert (await row(service, media, "180p")).status == RenditionStatus.READY
        assert await service.warnings(media) == []
        assert listed(service, media) == VIDEO
        assert files(service, media, "120p", "90p") == before


@pytest.mark.slow
async def test_two_at_once(new_service: NewService, film: Path, poison: Poison) -> None:
    """One that is asked for while another runs joins it, and neither is lost from the playlist."""
    poison.put(180, 120)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        assert listed(service, media) == ["90p"]
        poison.take(180, 120)
        await (await retry(service, media, "180p", "120p")).result()
        assert {each.status for each in (await service.renditions(media)).values()} == {RenditionStatus.READY}
        assert listed(service, media) == VIDEO
        assert read_numbers(service.playlist(media, "120p")) == list(range(120))


@pytest.mark.slow
async def test_a_second_retry_at_once_is_refused(new_service: NewService, film: Path, poison: Poison) -> None:
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        poison.take(180)
        handle = await retry(service, media, "180p")
        with pytest.raises(Conflict):
            await retry(service, media, "180p")
        await handle.result()
        with pytest.raises(Conflict, match="it is Ready"):
            await retry(service, media, "180p")


@pytest.mark.slow
async def test_one_while_the_media_is_processed(new_service: NewService, poison: Poison, tmp_path: Path) -> None:
    """By an update: the media's end waits for it, and nothing is left out."""
    poison.put(180)
    film = numbered(tmp_path / "film.mp4", "30", 360)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        handle = await service.process(media, SMALL.model_copy(update={"preset": "slow"}))
        pipeline = Pipeline(service.parts.client, service.parts.settings)
        await until_errored(service, media, "180p")
        for name in ("90p", "999p"):
            with pytest.raises(Conflict):
                await pipeline.retry_rendition(media, name)
        poison.take(180)
        assert await pipeline.retry_rendition(media, "180p")
        assert (await row(service, media, "180p")).status != RenditionStatus.ERRORED
        await asyncio.wait_for(handle.result(), 90)
        assert {each.status for each in (await service.renditions(media)).values()} == {RenditionStatus.READY}
        assert listed(service, media) == VIDEO
        assert read_numbers(service.playlist(media, "180p")) == list(range(360))
        assert not await pipeline.retry_rendition(media, "180p")


async def test_one_whose_recipe_can_not_be_read_is_errored_again(
    new_service: NewService, film: Path, poison: Poison, database: Database
) -> None:
    """As after a release that has dropped a setting. Else recovery would start it again, for ever."""
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        before = files(service, media, "120p", "90p")
        async with database.session() as session:
            await session.execute(text("UPDATE recipe SET policy = policy || '{\"dropped\": 1}'"))
        await (await retry(service, media, "180p")).result()
        left = await row(service, media, "180p")
        assert (left.status, left.error_code) == (RenditionStatus.ERRORED, "no_recipe")
        assert nothing_promised(await service.media(media))
        assert files(service, media, "120p", "90p") == before


@pytest.mark.slow
async def test_a_media_that_is_deleted_while_one_is_tried_again(
    new_service: NewService, film: Path, poison: Poison
) -> None:
    poison.put(180)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        poison.put(180, harm=r"while :; do printf 'frame=7\nprogress=continue\n'; sleep 0.1; done")
        handle = await retry(service, media, "180p")
        async with asyncio.timeout(20):
            while not (running := ffmpegs()):
                await asyncio.sleep(0.02)
        await asyncio.wait_for((await service.delete(media)).result(), 20)
        assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
        assert not any(process.is_running() for process in running)
        assert await service.is_gone(media)
