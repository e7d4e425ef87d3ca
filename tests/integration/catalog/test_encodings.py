from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from gilfoyle.catalog import Catalog, Media, MediaStatus, Rendition, RenditionProgress, RenditionStatus
from gilfoyle.errors import NotFound

ENCODING, READY = RenditionStatus.ENCODING, RenditionStatus.READY


def ladder() -> list[Rendition]:
    return [
        Rendition(name="720p", kind="video", position=0, width=1280, height=720, segments=4),
        Rendition(name="audio-128k", kind="audio", position=1, channels=2, segments=4),
    ]


@pytest.fixture
async def media(catalog: Catalog) -> Media:
    """A media that is Processing and planned."""
    made = await catalog.medias.create("Film")
    await catalog.uploads.accept(made.id, kind="video", file_name="a.mp4", size=3, sha256="0" * 64)
    await catalog.encodings.plan(made.id, 1, ladder())
    return await catalog.medias.get(made.id)


async def rendition(catalog: Catalog, media_id: UUID, name: str = "720p") -> Rendition:
    return {found.name: found for found in await catalog.medias.renditions(media_id, 1)}[name]


async def test_keeps_the_probe(catalog: Catalog, media: Media) -> None:
    await catalog.encodings.plan(media.id, 1, [], probe=({"format": "mov", "streams": [1, {"a": None}]}, 12.5))
    found = await catalog.medias.get(media.id)
    assert found.probe == {"format": "mov", "streams": [1, {"a": None}]}
    assert found.duration_s == 12.5
    assert found.updated_at > media.updated_at


async def test_planning_twice_changes_nothing(catalog: Catalog, media: Media) -> None:
    await catalog.encodings.progress(media.id, 1, [RenditionProgress(name="720p", stored_segments=2)], True, 0.3)
    await catalog.encodings.plan(media.id, 1, ladder())
    assert (await rendition(catalog, media.id)).stored_segments == 2
    assert [r.name for r in await catalog.medias.renditions(media.id, 1)] == ["720p", "audio-128k"]


async def test_progress_is_recorded(catalog: Catalog, media: Media) -> None:
    update = RenditionProgress(
        name="720p",
        status=READY,
        stored_segments=4,
        stored_bytes=9,
        codecs="avc1.64001f",
        bandwidth=5,
        average_bandwidth=3,
    )
    await catalog.encodings.progress(media.id, 1, [update], playable=True, progress=0.5)
    found = await rendition(catalog, media.id)
    assert found.model_dump(include=set(RenditionProgress.model_fields)) == update.model_dump()
    after = await catalog.medias.get(media.id)
    assert (after.playable, after.progress) == (True, 0.5)
    assert after.updated_at > media.updated_at


async def test_late_progress_lowers_nothing(catalog: Catalog, media: Media) -> None:
    new = RenditionProgress(name="720p", status=READY, stored_segments=4, stored_bytes=9, bandwidth=5)
    old = RenditionProgress(name="720p", status=ENCODING, stored_segments=2, stored_bytes=5)
    await catalog.encodings.progress(media.id, 1, [new], playable=True, progress=0.5)
    before = await catalog.medias.get(media.id)
    await catalog.encodings.progress(media.id, 1, [old], playable=False, progress=0.2)
    found = await rendition(catalog, media.id)
    assert (found.status, found.stored_segments, found.stored_bytes, found.bandwidth) == (READY, 4, 9, 5)
    assert await catalog.medias.get(media.id) == before


async def test_progress_reported_at_once_adds_up(catalog: Catalog, media: Media) -> None:
    reports = [[RenditionProgress(name="720p", stored_segments=n, stored_bytes=n)] for n in range(20)]
    await asyncio.gather(*(catalog.encodings.progress(media.id, 1, report, False, 0.1) for report in reports))
    assert (await rendition(catalog, media.id)).stored_segments == 19


async def test_progress_of_an_unknown_rendition_is_ignored(catalog: Catalog, media: Media) -> None:
    await catalog.encodings.progress(media.id, 1, [RenditionProgress(name="4320p", stored_segments=1)], False, 0)
    assert len(await catalog.medias.renditions(media.id, 1)) == 2


async def test_a_rendition_may_fail_alone_and_stays_so(catalog: Catalog, media: Media) -> None:
    failed = RenditionProgress(
        name="720p", status=RenditionStatus.ERRORED, error_code="encode_failed", error_message="x264\0 " + "!" * 9000
    )
    await catalog.encodings.progress(media.id, 1, [failed], True, 0.5)
    await catalog.encodings.progress(media.id, 1, [RenditionProgress(name="720p", stored_segments=1)], True, 0.5)
    await catalog.encodings.finish(media.id, 1)
    found = await rendition(catalog, media.id)
    assert (found.status, found.error_code) == (RenditionStatus.ERRORED, "encode_failed")
    assert (found.error_message or "").startswith("x264 !")
    assert (await rendition(catalog, media.id, "audio-128k")).status == READY
    assert (await catalog.medias.get(media.id)).status == MediaStatus.READY


async def test_finishing_makes_it_ready_for_good(catalog: Catalog, media: Media) -> None:
    for _ in range(2):
        await catalog.encodings.finish(media.id, 1)
        found = await catalog.medias.get(media.id)
        assert (found.status, found.playable, found.progress) == (MediaStatus.READY, True, 1.0)
    await catalog.encodings.progress(media.id, 1, [RenditionProgress(name="720p")], False, 0.1)
    await catalog.encodings.fail(media.id, "late", "Too late.")
    assert (await catalog.medias.get(media.id)) == found


async def test_failing_takes_unfinished_renditions_along(catalog: Catalog, media: Media) -> None:
    await catalog.encodings.progress(media.id, 1, [RenditionProgress(name="720p", status=READY)], True, 0.5)
    await catalog.encodings.fail(media.id, "no_audio", "The sound can't be decoded.")
    await catalog.encodings.fail(media.id, "other", "Another.")
    await catalog.encodings.finish(media.id, 1)
    found = await catalog.medias.get(media.id)
    assert (found.status, found.error_code) == (MediaStatus.ERRORED, "no_audio")
    assert not found.playable
    assert (await rendition(catalog, media.id)).status == READY
    audio = await rendition(catalog, media.id, "audio-128k")
    assert (audio.status, audio.error_code) == (RenditionStatus.ERRORED, "no_audio")


async def test_an_encoding_that_is_not_served_leaves_the_media_alone(catalog: Catalog, media: Media) -> None:
    await catalog.encodings.fail(media.id, "truncated", "It was cut short.")
    await catalog.uploads.accept(media.id, kind="video", file_name="b.mp4", size=3, sha256="1" * 64)
    before = await catalog.medias.get(media.id)
    await catalog.encodings.plan(media.id, 1, ladder(), kind="audio", probe=({"late": True}, 3))
    await catalog.encodings.progress(media.id, 1, [], True, 0.5)
    await catalog.encodings.finish(media.id, 1)
    await catalog.encodings.fail(media.id, "gone", "The source is gone.", encoding=1)
    assert await catalog.medias.get(media.id) == before
    await catalog.encodings.finish(media.id, 2)
    assert (await catalog.medias.get(media.id)).status == MediaStatus.READY


CALLS: list[Callable[[Catalog, UUID], Awaitable[None]]] = [
    lambda catalog, id: catalog.encodings.plan(id, 1, [], probe=({}, 1)),
    lambda catalog, id: catalog.encodings.plan(id, 1, [Rendition(name="new", kind="video")]),
    lambda catalog, id: catalog.encodings.progress(id, 1, [RenditionProgress(name="720p", stored_segments=1)], True, 1),
    lambda catalog, id: catalog.encodings.finish(id, 1),
    lambda catalog, id: catalog.encodings.fail(id, "x", "y"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_nothing_brings_a_deleting_media_back(
    catalog: Catalog, media: Media, call: Callable[[Catalog, UUID], Awaitable[None]]
) -> None:
    await catalog.medias.mark_deleting(media.id)
    before = await catalog.medias.source(media.id)
    await call(catalog, media.id)
    assert await catalog.medias.source(media.id) == before
    assert len(await catalog.medias.renditions(media.id, 1)) == 2


@pytest.mark.parametrize("call", CALLS)
async def test_nothing_happens_to_a_media_that_is_gone(
    catalog: Catalog, call: Callable[[Catalog, UUID], Awaitable[None]]
) -> None:
    unknown = uuid4()
    await call(catalog, unknown)
    with pytest.raises(NotFound):
        await catalog.medias.source(unknown)
    assert await catalog.medias.renditions(unknown, 1) == []


async def test_finishing_keeps_the_cid(catalog: Catalog, media: Media) -> None:
    await catalog.encodings.finish(media.id, 1, "bafyone")
    assert (await catalog.medias.get(media.id)).cid == "bafyone"


async def test_knows_whether_another_media_has_the_same_cid(catalog: Catalog, media: Media) -> None:
    other = await catalog.medias.create("The same film")
    await catalog.uploads.accept(other.id, kind="video", file_name="a.mp4", size=3, sha256="0" * 64)
    await catalog.encodings.finish(media.id, 1, "bafyone")
    assert not await catalog.medias.shares_cid("bafyone", media.id)
    await catalog.encodings.finish(other.id, 1, "bafyone")
    assert await catalog.medias.shares_cid("bafyone", media.id)
    await catalog.medias.mark_deleting(other.id)
    assert not await catalog.medias.shares_cid("bafyone", media.id)
