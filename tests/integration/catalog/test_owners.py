"""What a sweep asks the catalog."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from gilfoyle.catalog import Catalog, MediaStatus, UploadSession, UploadStatus
from gilfoyle.catalog.models import now
from gilfoyle.errors import Conflict


async def test_the_storages_are_those_that_a_row_names(catalog: Catalog) -> None:
    assert await catalog.owners.storages() == set()
    for storage in ("s3", "filesystem", "s3"):
        last = await catalog.medias.create("Film", storage=storage)
    await catalog.medias.mark_deleting(last.id)
    assert await catalog.owners.storages() == {"s3", "filesystem"}


async def test_owners_are_rows_in_any_state(catalog: Catalog) -> None:
    draft, deleted = await catalog.medias.create("Film", storage="s3"), await catalog.medias.create("Film")
    await catalog.medias.mark_deleting(deleted.id)
    owners = await catalog.owners.of([draft.id, deleted.id, uuid4()])
    assert set(owners) == {draft.id, deleted.id}
    assert owners[deleted.id].status == MediaStatus.DELETING
    found = owners[draft.id]
    assert (found.storage, found.status, found.encoding, found.uploading) == ("s3", "AwaitingUpload", 1, False)
    assert 0 <= found.idle_s < 60
    assert await catalog.owners.of([]) == {}


async def test_a_lease_that_is_alive_is_an_upload(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    assert not await catalog.owners.uploading("s3")
    held = await catalog.uploads.lease(media.id, 30, "s3")
    assert (await catalog.owners.of([media.id]))[media.id].uploading
    assert await catalog.owners.uploading("s3") and not await catalog.owners.uploading("filesystem")
    await catalog.uploads.release(media.id, held)
    assert not (await catalog.owners.of([media.id]))[media.id].uploading
    assert not await catalog.owners.uploading("s3")


async def test_what_a_session_may_go_on_with_stays(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    for late, kept in ((60, True), (-1, False)):
        session = UploadSession(media_id=media.id, ttl_s=60, expires_at=now() + timedelta(seconds=late))
        upload = await catalog.upload_sessions.create(session)
        assert (await catalog.owners.of([media.id]))[media.id].uploading is kept
        await catalog.upload_sessions.end(upload.id, UploadStatus.CANCELLED)
        assert not (await catalog.owners.of([media.id]))[media.id].uploading


async def test_a_row_that_is_held_does_not_change(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await catalog.uploads.accept(media.id, kind="video", file_name=None, size=3, sha256="0" * 64)
    async with catalog.owners.held(media.id) as owner:
        assert owner and owner.status == MediaStatus.PROCESSING
        finishing = asyncio.create_task(catalog.encodings.finish(media.id, 1))
        await asyncio.sleep(0.3)
        assert not finishing.done()
    await asyncio.wait_for(finishing, 10)
    assert (await catalog.medias.get(media.id)).status == MediaStatus.READY


async def test_holding_takes_a_lease_that_has_ended_and_none_that_is_alive(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    held = await catalog.uploads.lease(media.id, 30)
    async with catalog.owners.held(media.id) as owner:
        assert owner and owner.uploading
    held = await catalog.uploads.renew(media.id, 0.01, held)
    await asyncio.sleep(0.05)
    async with catalog.owners.held(media.id) as owner:
        assert owner and not owner.uploading
    with pytest.raises(Conflict):
        await catalog.uploads.accept(media.id, kind="video", file_name=None, size=3, sha256="0" * 64, held=held)


async def test_no_row_can_be_held_too(catalog: Catalog) -> None:
    async with catalog.owners.held(uuid4()) as owner:
        assert owner is None
