"""Medias that are encoded again, or uploaded again: a workflow removes what is its own, whatever came since."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from gilfoyle.activities.cleanup import CleanupActivities, DiscardInput
from gilfoyle.catalog import MediaStatus
from gilfoyle.errors import Conflict
from gilfoyle.storage import keys
from tests.integration.activities.pipeline import LOWEST
from tests.integration.workflows.service import Service, fault
from tests.poison import Poison
from tests.sources import read_numbers

NewService = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text").write_bytes(b"this is not a film\n" * 50)
    return tmp_path / "text"


async def test_a_media_is_encoded_again_from_its_source(new_service: NewService, film: Path, tmp_path: Path) -> None:
    """When the reason is gone for which all of it failed."""
    poison = Poison(tmp_path)
    poison.put(90)
    async with new_service(poison.ffmpeg) as service:
        media = await service.accept(film)
        await fault(await service.process(media, LOWEST))
        assert list(await service.etags(media)) == [keys.source(media.id)]
        poison.take(90)
        again = await service.parts.catalog.retries.begin_again(media.id, 1)
        assert (again.status, again.encoding, again.upload, again.error_code) == (MediaStatus.PROCESSING, 2, 1, None)
        await (await service.process(again, LOWEST)).result()
        ready = await service.media(media)
        assert (ready.status, ready.encoding, ready.error_message) == (MediaStatus.READY, 2, None)
        assert read_numbers(service.playlist(ready, "90p")) == list(range(120))


async def test_a_late_workflow_leaves_a_newer_upload_alone(new_service: NewService, film: Path, text: Path) -> None:
    """It was started, nobody knew, and the media was uploaded again: it ends, whatever it would have found."""
    async with new_service(working=False) as service:
        media = await service.accept(text, size=1)
        late = await service.process(media, LOWEST)
        await service.parts.catalog.encodings.fail(media.id, "not_media", "It is no media.")
        again = await service.upload(await service.media(media), film)
        assert (again.encoding, again.upload) == (2, 2)
        async with service.working():
            assert (await fault(late)).details == ("superseded",)
            assert await service.media(media) == again
            assert keys.source(media.id, 2) in await service.etags(media)
            await (await service.process(again, LOWEST)).result()
        ready = await service.media(media)
        assert (ready.status, ready.encoding) == (MediaStatus.READY, 2)
        assert read_numbers(service.playlist(ready, "90p")) == list(range(120))
        assert [key for key in await service.etags(media) if "source" in key] == [keys.source(media.id, 2)]


async def test_what_a_refused_upload_leaves_goes_without_the_next(service: Service, film: Path, text: Path) -> None:
    """Its workflow has told the catalog; before it cleans up, the media is tried again and uploaded again."""
    cleanup = CleanupActivities(service.parts.storages, service.parts.catalog)
    job = DiscardInput(media_id=(media := await service.accept(text)).id, encoding=1, upload=1)
    await service.parts.catalog.encodings.fail(media.id, "not_media", "It is no media.")
    with pytest.raises(Conflict, match="upload another"):
        await service.parts.catalog.retries.begin_again(media.id, 1)
    again = await service.upload(await service.media(media), film)
    await ActivityEnvironment().run(cleanup.discard, job)
    assert keys.source(media.id, 2) in await service.etags(media)
    await (await service.process(again, LOWEST)).result()
    assert [key for key in await service.etags(media) if "source" in key] == [keys.source(media.id, 2)]


async def test_a_source_is_kept_unless_the_catalog_agrees_that_it_is_useless(service: Service, film: Path) -> None:
    """A workflow that is told of no such media may have been sent to the wrong catalog, or one from an old backup."""
    cleanup = CleanupActivities(service.parts.storages, service.parts.catalog)
    media = await service.accept(film)
    job = DiscardInput(media_id=media.id, encoding=1, upload=1)
    await ActivityEnvironment().run(cleanup.discard, job)
    await service.parts.catalog.encodings.fail(media.id, "truncated", "It was cut short.")
    await ActivityEnvironment().run(cleanup.discard, job)
    await service.parts.catalog.medias.remove(media.id)
    await ActivityEnvironment().run(cleanup.discard, job)
    assert list(await service.etags(media)) == [keys.source(media.id)]


async def test_a_source_that_is_gone_is_a_sentence(service: Service, film: Path) -> None:
    media = await service.accept(film)
    (service.root / keys.source(media.id)).unlink()
    failed = await fault(await service.process(media, LOWEST))
    assert failed.details == ("source_missing",) and "upload it again" in failed.message
