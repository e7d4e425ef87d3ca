from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from gilfoyle.catalog import Catalog, Database, Event, EventFilter, Rendition, RenditionProgress, RenditionStatus
from gilfoyle.catalog.changes import STEPS
from gilfoyle.catalog.outbox import EventType, Happening, add, write
from gilfoyle.errors import Conflict, Unavailable
from gilfoyle.media.tracks import Role, Track, TrackKind


async def accept(catalog: Catalog, media_id: UUID, *, replace: bool = False) -> None:
    await catalog.uploads.accept(media_id, kind=None, file_name="film.mp4", size=3, sha256="0" * 64, replace=replace)


async def plan(catalog: Catalog, media_id: UUID, encoding: int = 1) -> None:
    ladder = [Rendition(name=name, kind="video", segments=40) for name in ("720p", "360p")]
    await catalog.encodings.plan(media_id, encoding, ladder)


async def told(catalog: Catalog, media_id: UUID | None = None) -> list[Event]:
    return await catalog.events.page(0, 1000, EventFilter(media_id=media_id))


async def types(catalog: Catalog, media_id: UUID | None = None) -> list[str]:
    return [event.type for event in await told(catalog, media_id)]


async def ready(catalog: Catalog) -> UUID:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    await plan(catalog, media.id)
    await catalog.encodings.finish(media.id, 1)
    return media.id


async def test_a_life_in_events(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    await plan(catalog, media.id)
    done = RenditionProgress(name="360p", status=RenditionStatus.READY, stored_segments=40)
    await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.2)
    await catalog.encodings.progress(media.id, 1, [done], playable=True, progress=0.5)
    await catalog.medias.edit(media.id, title="Another")
    await catalog.encodings.finish(media.id, 1)
    await catalog.medias.mark_deleting(media.id)
    await catalog.medias.remove(media.id)
    found = await told(catalog)
    assert [event.type for event in found] == [
        "media.created",
        "media.uploaded",
        "media.playable",
        "media.progress",
        "rendition.ready",
        "media.progress",
        "media.updated",
        "rendition.ready",
        "media.ready",
        "media.deleted",
    ]
    assert {event.media_id for event in found} == {media.id}
    assert {event.project for event in found} == {"default"}
    assert [event.id for event in found] == sorted({event.id for event in found})
    uploaded, playable, half, edited, last = found[1], found[2], found[4:6], found[6], found[8]
    assert uploaded.data["file_name"] == "film.mp4" and uploaded.data["source_sha256"] == "0" * 64
    assert playable.data == {
        "status": "Processing",
        "playable": True,
        "progress": 0.2,
        "version": 1,
        "external_id": None,
    }
    assert half[0].data == {"name": "360p", "version": 1} and half[1].data["progress"] == 0.5
    assert edited.data["changed"] == ["title"]
    assert (last.data["status"], last.data["progress"]) == ("Ready", 1.0)


async def test_what_fails_says_why(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    await plan(catalog, media.id)
    await catalog.encodings.fail(media.id, "truncated", "The file was cut short.")
    await catalog.retries.begin_again(media.id, 1)
    *before, errored, retried = await told(catalog)
    assert [event.type for event in before[-2:]] == ["rendition.errored"] * 2
    assert errored.type == "media.errored"
    assert errored.data["error"] == {"code": "truncated", "message": "The file was cut short."}
    assert (retried.type, retried.data["version"]) == ("media.retried", 2)


async def test_progress_is_told_in_steps(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    for done in range(1, 100):
        await catalog.encodings.progress(media.id, 1, [], playable=False, progress=done / 100)
    steps = [event.data["progress"] for event in await told(catalog) if event.type == "media.progress"]
    assert len(steps) == STEPS - 1
    assert steps == sorted(steps)


async def test_a_replacement_has_events_of_its_own(catalog: Catalog) -> None:
    media_id = await ready(catalog)
    before = (await told(catalog))[-1].id
    await accept(catalog, media_id, replace=True)
    await plan(catalog, media_id, 2)
    await catalog.encodings.progress(media_id, 2, [], playable=True, progress=0.4)
    await catalog.encodings.fail(media_id, "truncated", "The file was cut short.", 2)
    await catalog.replacements.begin_again(media_id)
    await plan(catalog, media_id, 3)
    await catalog.encodings.finish(media_id, 3)
    await catalog.replacements.encode(media_id)
    await catalog.replacements.drop(media_id)
    found = [event for event in await told(catalog) if event.id > before and not event.type.startswith("rendition")]
    assert [(event.type, event.data["version"]) for event in found] == [
        ("replacement.created", 2),
        ("replacement.progress", 2),
        ("replacement.errored", 2),
        ("replacement.created", 3),
        ("media.replaced", 3),
        ("replacement.created", 4),
        ("replacement.deleted", 4),
    ]
    assert found[0].data["source_sha256"] == "0" * 64


async def test_tracks_that_people_change(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    captions = Track(name="text-1", kind=TrackKind.TEXT, language="de", role=Role.CAPTION)
    await catalog.tracks.add(media.id, captions)
    await catalog.tracks.edit(media.id, "text-1", {"label": "Deutsch"})
    await catalog.tracks.edit(media.id, "text-1", {"label": "Deutsch"})
    await catalog.tracks.remove(media.id, "text-1")
    found = (await told(catalog))[1:]
    assert [event.type for event in found] == ["track.created", "track.updated", "track.deleted"]
    assert found[1].data == {
        "name": "text-1", "kind": "text", "language": "de", "label": "Deutsch", "role": "caption", "default": False,
        "version": None,
    }  # fmt: skip


async def test_tracks_that_people_add_are_ready_once_they_are_published(catalog: Catalog) -> None:
    media_id = await ready(catalog)
    for name in ("text-1", "text-2", "text-3"):
        await catalog.tracks.add(media_id, Track(name=name, kind=TrackKind.TEXT, role=Role.CAPTION))
    await catalog.tracks.remove(media_id, "text-2")
    before = (await told(catalog))[-1].id
    await catalog.tracks.published(media_id, 1, 3)  # not the last change
    assert await catalog.events.page(before, 10) == []
    for _ in range(2):
        await catalog.tracks.published(media_id, 1, 4)
    found = await catalog.events.page(before, 10)
    assert sorted((event.type, event.data["name"]) for event in found) == [
        ("track.ready", "text-1"),
        ("track.ready", "text-3"),
    ]


async def with_tracks(catalog: Catalog, media_id: UUID, encoding: int) -> None:
    """Planned: a film in two languages, with a text."""
    tracks = [
        Track(name="video", kind=TrackKind.VIDEO, stream=0, default=True),
        Track(name="audio", kind=TrackKind.AUDIO, language="en", stream=1, default=True),
        Track(name="audio-2", kind=TrackKind.AUDIO, language="de", stream=2),
        Track(name="text-3", kind=TrackKind.TEXT, language="de", role=Role.SUBTITLE, stream=3),
    ]
    ladder = [
        Rendition(name=f"{track.name}-{number}", kind=track.kind, track=track.name, segments=4)
        for track in tracks[:3]
        for number in range(2)
    ]
    await catalog.encodings.plan(media_id, encoding, ladder, tracks=tracks, recipe=({}, {}))


async def of_tracks(catalog: Catalog, after: int = 0) -> list[tuple[str, str, int]]:
    found = [event for event in await told(catalog) if event.id > after and event.type.startswith("track.")]
    return [(event.type, event.data["name"], event.data["version"]) for event in found]


async def test_tracks_of_the_file(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    for _ in range(2):
        await with_tracks(catalog, media.id, 1)
    names = ["video", "audio", "audio-2", "text-3"]
    assert await of_tracks(catalog) == [("track.created", name, 1) for name in names]
    assert (await told(catalog))[-2].data["language"] == "de"
    failed = [RenditionProgress(name=f"audio-2-{n}", status=RenditionStatus.ERRORED) for n in range(2)]
    await catalog.encodings.progress(media.id, 1, failed, playable=True, progress=0.9)
    for _ in range(2):
        await catalog.encodings.finish(media.id, 1)
    assert sorted((await of_tracks(catalog))[4:]) == [("track.ready", name, 1) for name in ("audio", "text-3", "video")]
    assert (await told(catalog))[-1].type == "media.ready"

    await catalog.retries.reopen(media.id, "audio-2-0")
    done = RenditionProgress(name="audio-2-0", status=RenditionStatus.READY, stored_segments=4)
    await catalog.retries.settle(media.id, 1, [done])
    assert (await of_tracks(catalog))[7:] == [("track.ready", "audio-2", 1)]


async def test_a_text_of_the_file_in_which_there_is_nothing(catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    await with_tracks(catalog, media.id, 1)
    for _ in range(2):
        await catalog.tracks.drop(media.id, 1, ["text-3"])
    await catalog.encodings.finish(media.id, 1)
    about = [kind for kind, name, _version in await of_tracks(catalog) if name == "text-3"]
    assert about == ["track.created", "track.deleted"]


async def test_tracks_of_another_version(catalog: Catalog) -> None:
    """Those of the same file keep what people said of them."""
    media = await catalog.medias.create("Film")
    await accept(catalog, media.id)
    await with_tracks(catalog, media.id, 1)
    await catalog.encodings.finish(media.id, 1)
    await catalog.tracks.edit(media.id, "audio-2", {"label": "Deutsch"})
    before = (await told(catalog))[-1].id
    await catalog.replacements.encode(media.id)
    await with_tracks(catalog, media.id, 2)
    assert {(kind, version) for kind, _name, version in await of_tracks(catalog, before)} == {("track.created", 2)}
    await catalog.encodings.finish(media.id, 2)
    found = await catalog.events.page(before, 100, EventFilter(["track.ready", "media.replaced"]))
    assert [event.type for event in found] == ["track.ready"] * 4 + ["media.replaced"]
    assert {event.data["name"]: event.data["label"] for event in found[:4]}["audio-2"] == "Deutsch"


async def test_what_did_not_happen_is_not_told(catalog: Catalog, database: Database) -> None:
    media_id = await ready(catalog)
    before = await types(catalog)
    with pytest.raises(Conflict):
        await accept(catalog, media_id)
    with pytest.raises(RuntimeError):
        async with database.session() as session:
            add(session, Happening(EventType.MEDIA_UPDATED, "default", media_id, {}))
            raise RuntimeError
    await catalog.medias.edit(media_id, title="Film")  # as it was
    assert await types(catalog) == before


async def test_some_of_them(catalog: Catalog) -> None:
    first, second = await ready(catalog), await ready(catalog)
    assert await types(catalog, second) == (await types(catalog))[6:]
    made = await catalog.events.page(0, 10, EventFilter(["media.ready", "media.created"], first))
    assert [event.type for event in made] == ["media.created", "media.ready"]
    assert await catalog.events.page(0, 10, EventFilter(project="another")) == []
    everything = await told(catalog)
    assert await catalog.events.page(everything[3].id, 2) == everything[4:6]
    assert await catalog.events.last() == everything[-1].id


async def test_old_ones_are_forgotten(catalog: Catalog, database: Database) -> None:
    await ready(catalog)
    async with database.session() as session:
        await session.execute(
            text("UPDATE event SET created_at = now() - interval '31 days' WHERE type = 'media.ready'")
        )
    assert await catalog.events.forget(timedelta(days=30)) == 1
    assert "media.ready" not in await types(catalog)
    assert "media.created" in await types(catalog)


async def test_nobody_misses_one(database_url: str, catalog: Catalog) -> None:
    """Readers that go on from the last number they have read see every event of 50 writers, once and in order."""
    writers, each = 50, 3
    many = Database(database_url, pool_size=writers)
    expected: set[str] = set()
    writing = asyncio.Event()

    async def work() -> None:
        for _ in range(each):
            async with many.session() as session:
                names = [uuid4().hex for _ in range(random.randint(1, 3))]
                for name in names:
                    add(session, Happening(EventType.MEDIA_UPDATED, "default", None, {"name": name}))
                await session.run_sync(write)
                await asyncio.sleep(
                    random.choice([0, 0, 0, 0.03])
                )  # it has its numbers, and may take a while to commit
            expected.update(names)

    async def read() -> list[Event]:
        found: list[Event] = []
        while True:
            ended = writing.is_set()
            page = await catalog.events.page(found[-1].id if found else 0, random.randint(1, 20))
            found += page
            if ended and not page:
                return found

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(work() for _ in range(writers)))
    writing.set()
    for found in await asyncio.gather(*readers):
        assert [event.id for event in found] == sorted({event.id for event in found})
        assert {event.data["name"] for event in found} == expected
    await many.close()


async def test_who_has_later_numbers_waits_for_who_has_earlier_ones(database: Database, catalog: Catalog) -> None:
    async with database.session() as session:
        add(session, Happening(EventType.MEDIA_UPDATED, "default", None, {}))
        await session.run_sync(write)
        later = asyncio.create_task(catalog.medias.create("Film"))
        await asyncio.sleep(0.2)
        assert await types(catalog) == [] and not later.done()
    await later
    assert await types(catalog) == ["media.updated", "media.created"]


async def test_a_writer_that_stops_lets_the_others_go_on(
    database_url: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its numbers and does not commit: PostgreSQL ends it."""
    monkeypatch.setattr("gilfoyle.catalog.outbox._PATIENCE_MS", 200)
    stopped = Database(database_url, pool_size=1)
    with pytest.raises(Unavailable):
        async with stopped.session() as session:
            add(session, Happening(EventType.MEDIA_UPDATED, "default", None, {}))
            await session.run_sync(write)
            async with asyncio.timeout(10):
                await catalog.medias.create("Film")
    assert await types(catalog) == ["media.created"]
    await stopped.close()
