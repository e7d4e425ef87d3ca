"""Renditions that are tried again, as the catalog knows of them."""

from __future__ import annotations

import pytest

from gilfoyle.catalog import Catalog, Media, MediaStatus, Rendition, RenditionProgress, RenditionStatus
from gilfoyle.errors import Conflict
from tests.promises import nothing_promised

READY, ERRORED, WAITING = RenditionStatus.READY, RenditionStatus.ERRORED, RenditionStatus.WAITING


def broken(name: str = "720p", why: str = "Broken.") -> RenditionProgress:
    return RenditionProgress(name=name, status=ERRORED, error_code="encode_failed", error_message=why)


async def half(catalog: Catalog) -> Media:
    """A media that is Ready without its 720p."""
    media = await catalog.medias.create("Film")
    await catalog.uploads.accept(media.id, kind="video", file_name="film.mp4", size=3, sha256="0" * 64)
    rows = [Rendition(name=name, kind="video", position=i, segments=4) for i, name in enumerate(("720p", "360p"))]
    await catalog.encodings.plan(media.id, 1, rows)
    await catalog.encodings.plan(media.id, 1, [], recipe=({"a": 1}, {"b": 2}))
    await catalog.encodings.progress(media.id, 1, [broken()], playable=True, progress=0.5)
    await catalog.encodings.finish(media.id, 1, cid="old")
    return await catalog.medias.get(media.id)


async def row(catalog: Catalog, media: Media, name: str = "720p") -> Rendition:
    return next(each for each in await catalog.medias.renditions(media.id, 1) if each.name == name)


async def movable(catalog: Catalog, media: Media) -> bool:
    listed = media.id in {each.id for each in await catalog.moves.movable("s3", limit=10_000)}
    assert listed == await catalog.moves.at_rest(media.id)
    return listed


async def test_the_recipe_is_kept_and_goes_with_the_media(catalog: Catalog) -> None:
    media = await half(catalog)
    kept = await catalog.encodings.recipe(media.id, 1)
    assert kept and (kept.plan, kept.policy) == ({"a": 1}, {"b": 2})
    await catalog.medias.remove(media.id)
    assert await catalog.encodings.recipe(media.id, 1) is None


async def test_from_errored_to_ready(catalog: Catalog) -> None:
    media = await half(catalog)
    await catalog.retries.reopen(media.id, "720p")
    assert (await row(catalog, media)).status == WAITING
    growing = RenditionProgress(name="720p", stored_segments=2, stored_bytes=7)
    whole = growing.model_copy(update={"status": READY, "stored_segments": 4})
    for update in (growing, whole, broken()):
        await catalog.encodings.progress(media.id, 1, [update], playable=False, progress=0.2)
        assert (await row(catalog, media)).status == RenditionStatus.ENCODING
    found = await catalog.medias.get(media.id)
    assert (found.status, found.playable, found.progress, found.cid) == (MediaStatus.READY, True, 1, "old")
    await catalog.retries.settle(media.id, 1, [RenditionProgress(name="720p", status=READY)], "new")
    done = await row(catalog, media)
    assert (done.status, done.stored_segments, done.error_code) == (READY, 4, None)
    assert (await catalog.medias.get(media.id)).cid == "new"
    await catalog.retries.settle(media.id, 1, [broken()], "late")
    assert (await row(catalog, media)).status == READY
    assert (await catalog.medias.get(media.id)).cid == "new"


async def test_errored_again_with_the_new_reason(catalog: Catalog) -> None:
    media = await half(catalog)
    await catalog.retries.reopen(media.id, "720p")
    await catalog.retries.settle(media.id, 1, [broken(why="Still broken.\0")])
    found = await row(catalog, media)
    assert (found.status, found.error_message) == (ERRORED, "Still broken.")
    assert (await catalog.medias.get(media.id)).cid == "old"


async def test_a_media_that_is_deleted_meanwhile_stays_so(catalog: Catalog) -> None:
    media = await half(catalog)
    await catalog.retries.reopen(media.id, "720p")
    await catalog.medias.mark_deleting(media.id)
    await catalog.encodings.progress(media.id, 1, [RenditionProgress(name="720p", stored_segments=2)], True, 1)
    await catalog.retries.settle(media.id, 1, [RenditionProgress(name="720p", status=READY)], "new")
    found = await catalog.medias.source(media.id)
    assert (found.status, found.cid) == (MediaStatus.DELETING, "old")
    assert (await row(catalog, media)).status == WAITING


async def test_it_is_not_moved_meanwhile(catalog: Catalog) -> None:
    media = await half(catalog)
    assert await movable(catalog, media)
    before = await catalog.moves.elsewhere("s3")
    await catalog.retries.reopen(media.id, "720p")
    assert not await movable(catalog, media)
    assert (await catalog.moves.elsewhere("s3")).waiting == before.waiting + 1
    assert not await catalog.moves.switch(await catalog.medias.get(media.id), "s3")
    await catalog.retries.settle(media.id, 1, [broken()])
    assert await movable(catalog, media)
    assert await catalog.moves.switch(await catalog.medias.get(media.id), "s3")


async def test_what_was_copied_before_a_retry_is_not_switched_to(catalog: Catalog) -> None:
    """Though the retry began and ended while it was copied."""
    copied = await half(catalog)
    await catalog.retries.reopen(copied.id, "720p")
    await catalog.retries.settle(copied.id, 1, [broken()])
    assert not await catalog.moves.switch(copied, "s3")
    assert (await catalog.medias.get(copied.id)).storage == copied.storage


async def test_a_promise_stands_until_it_is_settled(catalog: Catalog) -> None:
    media = await half(catalog)
    assert nothing_promised(await catalog.medias.get(media.id))
    assert not nothing_promised(await catalog.retries.reopen(media.id, "720p"))
    await catalog.retries.settle(media.id, 1, [RenditionProgress(name="720p", status=READY)])
    assert nothing_promised(await catalog.medias.get(media.id))


async def test_while_the_media_is_processed(catalog: Catalog) -> None:
    media = await half(catalog)
    await catalog.retries.resume(media.id, 1, "720p")
    assert (await row(catalog, media)).status == ERRORED  # it is Ready: not by this
    running = await catalog.medias.create("Film")
    await catalog.uploads.accept(running.id, kind="video", file_name="film.mp4", size=3, sha256="0" * 64)
    await catalog.encodings.plan(running.id, 1, [Rendition(name="720p", kind="video", segments=4)])
    await catalog.encodings.progress(running.id, 1, [broken()], playable=False, progress=0)
    with pytest.raises(Conflict):
        await catalog.retries.reopen(running.id, "720p")
    for _ in range(2):
        await catalog.retries.resume(running.id, 1, "720p")
    assert (await row(catalog, running)).status == WAITING
    await catalog.encodings.progress(running.id, 1, [RenditionProgress(name="720p", status=READY)], True, 1)
    await catalog.retries.resume(running.id, 1, "720p")
    assert (await row(catalog, running)).status == READY
