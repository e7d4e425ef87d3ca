from __future__ import annotations

from uuid import uuid4

import pytest

from gilfoyle.catalog import Catalog, Media, MediaFilter, MediaKind, MediaStatus, Paging, Rendition
from gilfoyle.errors import NotFound


async def accepted(catalog: Catalog, title: str = "Film", file_name: str = "a.mp4") -> Media:
    media = await catalog.medias.create(title)
    return await catalog.uploads.accept(media.id, kind="video", file_name=file_name, size=1, sha256="0" * 64)


async def test_a_new_media_awaits_its_upload(catalog: Catalog) -> None:
    made = await catalog.medias.create("Film", "About things")
    media = await catalog.medias.get(made.id)
    assert (media.title, media.description, media.status) == ("Film", "About things", MediaStatus.AWAITING_UPLOAD)
    assert (media.playable, media.progress, media.encoding) == (False, 0, 1)
    assert media.created_at.tzinfo is not None


async def test_an_unknown_media_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        await catalog.medias.get(uuid4())
    with pytest.raises(NotFound):
        await catalog.medias.source(uuid4())
    with pytest.raises(NotFound):
        await catalog.medias.with_renditions(uuid4())
    with pytest.raises(NotFound):
        await catalog.medias.edit(uuid4(), title="x")
    assert await catalog.medias.renditions(uuid4(), 1) == []


async def test_a_media_is_shown_with_what_it_serves(catalog: Catalog) -> None:
    media = await accepted(catalog)
    assert await catalog.medias.with_renditions(media.id) == (media, [])
    ladder = [Rendition(name=name, kind="video", position=n) for n, name in enumerate(["720p", "360p"])]
    await catalog.encodings.plan(media.id, 1, ladder[::-1])
    await catalog.encodings.plan(media.id, 2, [Rendition(name="480p", kind="video")])
    found, renditions = await catalog.medias.with_renditions(media.id)
    assert found == await catalog.medias.get(media.id)
    assert [rendition.name for rendition in renditions] == ["720p", "360p"]
    assert renditions == await catalog.medias.renditions(media.id, 1)
    await catalog.medias.mark_deleting(media.id)
    with pytest.raises(NotFound):
        await catalog.medias.with_renditions(media.id)


async def test_edits_what_is_given_and_nothing_else(catalog: Catalog) -> None:
    media = await catalog.medias.create("Old", "Kept")
    edited = await catalog.medias.edit(media.id, title="New")
    assert (edited.title, edited.description) == ("New", "Kept")
    assert edited.updated_at > media.updated_at
    again = await catalog.medias.get(media.id)
    assert again == edited
    assert (await catalog.medias.edit(media.id, description="")).description == ""
    assert (await catalog.medias.edit(media.id)).title == "New"


async def test_an_edit_that_changes_nothing_is_no_change(catalog: Catalog) -> None:
    media = await catalog.medias.create("Same")
    assert (await catalog.medias.edit(media.id, title="Same")).updated_at == media.updated_at


async def test_pages_are_newest_first(catalog: Catalog) -> None:
    ids = [(await catalog.medias.create(f"Film {n}")).id for n in range(5)]
    first, total = await catalog.medias.page(2, 0)
    rest, _ = await catalog.medias.page(10, 2)
    assert total == 5
    assert [media.id for media in first + rest] == ids[::-1]
    assert await catalog.medias.page(10, 99) == ([], 5)


async def test_pages_hold_what_is_asked_for(catalog: Catalog) -> None:
    await catalog.medias.create("100% Wool", "")
    await catalog.medias.create("other", "about WOOL_x")
    await catalog.medias.create("third")
    await accepted(catalog, "processing")

    async def titles(**query: object) -> set[str]:
        return {media.title for media in (await catalog.medias.page(10, 0, **query))[0]}  # type: ignore[arg-type]

    assert await titles(q="wool") == {"100% Wool", "other"}
    assert await titles(q="%") == {"100% Wool"}
    assert await titles(q="_") == {"other"}
    assert await titles(q="A.MP4") == {"processing"}
    assert await titles(status=MediaStatus.PROCESSING) == {"processing"}
    assert await titles(status=MediaStatus.READY) == set()
    assert await titles(q="wool", status=MediaStatus.AWAITING_UPLOAD) == {"100% Wool", "other"}


@pytest.mark.parametrize(
    ("named", "sought"),
    [
        ("Screen Recording 3.44.08\u202fPM.mov", ["3.44.08\u202fPM", "3.44.08 pm", "3.44.08\u00a0PM"]),
        ("東京\u3000夏.mp4", ["東京\u3000夏", "東京 夏"]),
        ("a\u00a0b.mp4", ["a\u00a0b", "A B"]),
        ("نمی\u200cخواهم.mp4", ["نمی\u200cخواهم", "نمیخواهم"]),
        ("family 👨\u200d👩\u200d👧.mp4", ["👨\u200d👩\u200d👧", "👩"]),
        ("heart ❤\ufe0f.mp4", ["❤\ufe0f", "❤"]),
        ("cafe\u0301.mp4", ["café", "CAFÉ", "cafe\u0301"]),
        ("ＦＵＬＬ.mp4", ["full", "ＦＵＬＬ"]),
    ],
)
async def test_a_name_is_found_as_it_reads(catalog: Catalog, named: str, sought: list[str]) -> None:
    media = await accepted(catalog, "by file name", file_name=named)
    titled = await catalog.medias.create(named)
    await accepted(catalog, "another")
    for text in sought:
        found, _total = await catalog.medias.page(10, 0, q=text)
        assert {one.id for one in found} == {media.id, titled.id}, text


async def test_what_nobody_sees_finds_all(catalog: Catalog) -> None:
    await catalog.medias.create("Film")
    assert (await catalog.medias.page(10, 0, q="\u200d"))[1] == 1


async def test_a_deleting_media_is_gone(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await catalog.medias.mark_deleting(media.id)
    with pytest.raises(NotFound):
        await catalog.medias.get(media.id)
    with pytest.raises(NotFound):
        await catalog.medias.edit(media.id, title="x")
    with pytest.raises(NotFound):
        await catalog.medias.mark_deleting(media.id)
    assert await catalog.medias.page(10, 0) == ([], 0)
    assert (await catalog.medias.source(media.id)).status == MediaStatus.DELETING
    assert (await catalog.medias.counts())[MediaStatus.DELETING] == 1


async def test_removing_takes_the_renditions_along_and_may_be_repeated(catalog: Catalog) -> None:
    media = await accepted(catalog)
    rendition = Rendition(media_id=media.id, encoding=1, name="720p", kind=MediaKind.VIDEO)
    await catalog.encodings.plan(media.id, 1, [rendition])
    await catalog.medias.remove(media.id)
    await catalog.medias.remove(media.id)
    with pytest.raises(NotFound):
        await catalog.medias.source(media.id)
    assert await catalog.medias.renditions(media.id, 1) == []
    with pytest.raises(NotFound):
        await catalog.medias.mark_deleting(media.id)


async def test_renditions_come_in_the_ladders_order(catalog: Catalog) -> None:
    one, two = await accepted(catalog), await accepted(catalog)
    names = ["1080p", "720p", "360p", "audio-128k"]
    ladder = [Rendition(name=name, kind="video", position=n) for n, name in enumerate(names)]
    await catalog.encodings.plan(one.id, 1, ladder[::-1])
    await catalog.encodings.plan(two.id, 2, ladder[1:2])
    assert [r.name for r in await catalog.medias.renditions(one.id, 1)] == names
    newest, oldest = (await catalog.views.page(MediaFilter(), Paging(10), renditions=True)).views
    assert [r.name for r in oldest.renditions] == names
    assert (newest.media.id, newest.renditions) == (two.id, [])


async def test_counts_every_status(catalog: Catalog) -> None:
    await catalog.medias.create("a")
    await accepted(catalog)
    counts = await catalog.medias.counts()
    assert set(counts) == set(MediaStatus)
    assert (counts[MediaStatus.AWAITING_UPLOAD], counts[MediaStatus.PROCESSING]) == (1, 1)
