"""While a file is fetched for a media, nobody else brings one, moves it, or takes it for abandoned."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from gilfoyle.catalog import Catalog, Database, Import, Media, Policy, UploadSession
from gilfoyle.catalog.models import now
from gilfoyle.errors import Conflict, Gone, NotFound


def wanted() -> Import:
    return Import(url="http://files.example/film.mp4?s=secret", shown_url="http://files.example/film.mp4")


async def importing(catalog: Catalog) -> Import:
    found = wanted()
    await catalog.imports.create_media(Media(title="Film"), {}, Policy.PUBLIC, found)
    return found


async def ready(catalog: Catalog) -> Media:
    media = await catalog.medias.create("Film")
    await catalog.uploads.accept(media.id, kind=None, file_name="a", size=3, sha256="0" * 64)
    await catalog.encodings.finish(media.id, 1)
    return media


async def test_its_media_is_busy(catalog: Catalog) -> None:
    fetched = await importing(catalog)
    assert not await catalog.moves.at_rest(fetched.media_id)
    assert (await catalog.owners.of([fetched.media_id]))[fetched.media_id].uploading
    with pytest.raises(Conflict, match="being fetched"):
        await catalog.uploads.lease(fetched.media_id, 5)
    held = await catalog.uploads.lease(fetched.media_id, 5, import_id=fetched.id)
    await catalog.uploads.release(fetched.media_id, held)
    await catalog.imports.fail(fetched.media_id, fetched.id, "import_refused", "No.")
    await catalog.imports.fail(fetched.media_id, fetched.id, "other", "Said twice.")
    assert (await catalog.medias.get(fetched.media_id)).error_message == "No."
    assert await catalog.moves.at_rest(fetched.media_id)
    assert not (await catalog.owners.of([fetched.media_id]))[fetched.media_id].uploading
    for call in (catalog.imports.begun(fetched.media_id, fetched.id, 5, None),
                 catalog.imports.progress(fetched.media_id, fetched.id, 5)):  # fmt: skip
        with pytest.raises(Gone):
            await call


async def test_a_media_that_plays_is_replaced_by_one_thing_at_a_time(catalog: Catalog) -> None:
    media = await ready(catalog)
    await catalog.replacements.encode(media.id)
    with pytest.raises(Conflict) as refused:
        await catalog.imports.replace(media.id, wanted())
    assert refused.value.reason == "replacing"
    await catalog.replacements.drop(media.id)
    await catalog.imports.replace(media.id, wanted())
    for call in (catalog.replacements.encode(media.id), catalog.imports.replace(media.id, wanted())):
        with pytest.raises(Conflict):
            await call
    await catalog.imports.cancel_replacement(media.id)
    with pytest.raises(NotFound):
        await catalog.imports.cancel_replacement(media.id)
    await catalog.replacements.encode(media.id)


async def test_an_upload_does_not_expire_while_it_is_fetched(catalog: Catalog, database: Database) -> None:
    upload = UploadSession(ttl_s=60, expires_at=now() + timedelta(seconds=60))
    fetched = wanted()
    media = await catalog.imports.order(upload, fetched, "filesystem", None)
    async with database.session() as session:
        late = now() - timedelta(seconds=1)
        await session.execute(update(UploadSession).values(expires_at=late))
        await session.execute(update(Media).where(col(Media.id) == media.id).values(upload_lease=None))
    assert await catalog.upload_sessions.expired() == []
    await catalog.imports.fail(media.id, fetched.id, "import_refused", "No.")
    found = await catalog.upload_sessions.get(upload.id)
    assert (found.status, found.error_code) == ("errored", "import_refused")
    await catalog.upload_sessions.forget(timedelta(0))


async def test_tries_are_counted_since_the_last_gain(catalog: Catalog) -> None:
    fetched = await importing(catalog)
    of = fetched.media_id, fetched.id

    async def failed(received: int | None, *, anew: bool = False) -> Import:
        found = await catalog.imports.failed(*of, received, anew=anew)
        assert found is not None
        return found

    assert [(await failed(None)).tries for _ in range(2)] == [1, 2]
    first = await failed(1000)
    assert (first.tries, first.received) == (1, 1000)
    assert (await failed(1000)).failing_since == first.failing_since
    again = await failed(500, anew=True)
    assert (again.tries, again.received, again.validator) == (3, 0, None)
    await catalog.imports.progress(*of, 1001)
    now_is = await catalog.imports.of(fetched.media_id)
    assert now_is is not None and (now_is.tries, now_is.failing_since) == (0, None)


async def test_its_time_begins_when_it_is_first_fetched(catalog: Catalog) -> None:
    fetched = await importing(catalog)
    of = fetched.media_id, fetched.id
    assert fetched.ends_at is None
    first, second = await catalog.imports.wanted(*of, 100), await catalog.imports.wanted(*of, 1000)
    assert first is not None and second is not None and first.ends_at is not None
    assert first.ends_at == second.ends_at
    assert 95 < (first.ends_at - now()).total_seconds() < 101
    assert await catalog.imports.wanted(fetched.media_id, "another", 100) is None
