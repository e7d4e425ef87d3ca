from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from gilfoyle.catalog import Catalog, Media, MediaStatus
from gilfoyle.errors import Conflict, NotFound


async def accept(catalog: Catalog, media_id: UUID, **more: object) -> Media:
    return await catalog.uploads.accept(
        media_id,
        kind="video",
        file_name="a.mp4",
        size=3,
        sha256="0" * 64,
        **more,  # type: ignore[arg-type]
    )


async def test_one_upload_at_a_time(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    held = await catalog.uploads.lease(media.id, 30)
    with pytest.raises(Conflict, match="Another upload"):
        await catalog.uploads.lease(media.id, 30)
    await catalog.uploads.release(media.id, held)
    await catalog.uploads.lease(media.id, 30)


async def test_of_many_at_once_one_wins(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    tries = (catalog.uploads.lease(media.id, 30) for _ in range(8))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(result, Conflict) for result in results) == 1


async def test_a_dead_upload_lets_go_and_can_not_come_back(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    dead = await catalog.uploads.lease(media.id, 0.05)
    await asyncio.sleep(0.1)
    alive = await catalog.uploads.lease(media.id, 30)
    with pytest.raises(Conflict, match="paused for too long"):
        await catalog.uploads.renew(media.id, 30, dead)
    with pytest.raises(Conflict, match="took the place"):
        await accept(catalog, media.id, held=dead)
    await catalog.uploads.release(media.id, dead)
    renewed = await catalog.uploads.renew(media.id, 60, alive)
    assert renewed > alive
    assert (await accept(catalog, media.id, held=renewed)).status == MediaStatus.PROCESSING


async def test_a_lease_that_ended_can_be_renewed_while_nobody_else_came(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    held = await catalog.uploads.lease(media.id, 0.01)
    await asyncio.sleep(0.05)
    assert await catalog.uploads.renew(media.id, 30, held) > held


async def test_accepting_starts_the_processing(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await catalog.uploads.lease(media.id, 30)
    accepted = await accept(catalog, media.id)
    assert accepted.status == MediaStatus.PROCESSING
    assert (accepted.kind, accepted.file_name, accepted.source_bytes) == ("video", "a.mp4", 3)
    assert accepted.upload_lease is None
    assert accepted.updated_at > media.updated_at


async def test_only_one_upload_is_ever_accepted(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    results = await asyncio.gather(*(accept(catalog, media.id) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, Media) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 4


@pytest.mark.parametrize("state", ["Processing", "Ready"])
async def test_says_why_no_upload_is_taken(catalog: Catalog, state: str) -> None:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    if state == "Ready":
        await catalog.encodings.finish(media.id, 1)
    with pytest.raises(Conflict, match=state):
        await catalog.uploads.lease(media.id, 30)
    with pytest.raises(Conflict, match=state):
        await accept(catalog, media.id)


async def test_a_media_deleted_meanwhile_is_not_found(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    held = await catalog.uploads.lease(media.id, 30)
    await catalog.medias.mark_deleting(media.id)
    with pytest.raises(NotFound):
        await catalog.uploads.renew(media.id, 30, held)
    with pytest.raises(NotFound):
        await accept(catalog, media.id)
    with pytest.raises(NotFound):
        await catalog.uploads.lease(media.id, 30)
    await catalog.uploads.release(media.id, held)
    with pytest.raises(NotFound):
        await catalog.uploads.lease(uuid4(), 30)


async def test_one_that_is_errored_may_be_uploaded_again(catalog: Catalog) -> None:
    """As another upload and another encoding, so that nothing of the two can be confused."""
    media = await catalog.medias.create("Film")
    first = await accept(catalog, media.id)
    await catalog.encodings.plan(media.id, 1, [], probe=({"container": "mov"}, 3))
    await catalog.encodings.fail(media.id, "truncated", "It was cut short.")
    failed = await catalog.medias.get(media.id)
    assert (first.upload, failed.upload, failed.next_upload) == (1, 1, 2)
    held = await catalog.uploads.lease(media.id, 30, "s3")
    assert (
        await catalog.medias.get(media.id)
    ).storage == "filesystem"  # it may break off: the source that is there stays
    again = await accept(catalog, media.id, held=held, storage="s3")
    assert (again.status, again.upload, again.next_upload, again.encoding) == (MediaStatus.PROCESSING, 2, 3, 2)
    assert (again.storage, again.error_code, again.error_message, again.probe, again.duration_s) == ("s3", *[None] * 4)


async def test_an_upload_decides_in_which_storage_the_media_lies(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    assert media.storage == "filesystem"
    held = await catalog.uploads.lease(media.id, 30, "s3")
    await catalog.uploads.renew(media.id, 30, held)
    assert (await catalog.medias.get(media.id)).storage == "s3"
