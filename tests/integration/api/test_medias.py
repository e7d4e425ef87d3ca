from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any
from unittest import mock
from uuid import uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from sqlalchemy import Engine, event
from temporalio.client import Client

from gilfoyle.api.schemas import MediaEnvelope, MediaPage
from gilfoyle.catalog import Catalog, RenditionProgress, RenditionStatus
from gilfoyle.media.tracks import Track, TrackKind
from tests.integration.api.conftest import processing
from tests.unit.media import infos as info

CUT = {"code": "source_cut", "message": "The file ends early."}


async def create(client: httpx.AsyncClient, title: str = "Film") -> dict[str, object]:
    answer = await client.post("/v1/medias", json={"title": title})
    assert answer.status_code == 201
    return answer.json()["data"]  # type: ignore[no-any-return]


async def test_creates_a_media(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/medias", json={"title": "  Film ", "description": "Ünïcödé 🎬\n"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["code"], body["metadata"]) == ("ok", {})
    media = body["data"]
    assert (media["title"], media["description"], media["status"]) == ("Film", "Ünïcödé 🎬\n", "AwaitingUpload")
    assert (media["playable"], media["stream_url"], media["renditions"], media["error"]) == (False, None, [], None)
    assert (await client.get(f"/v1/medias/{media['id']}")).json() == body


async def test_shows_progress(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    done = RenditionProgress(name="720p", stored_segments=1, stored_bytes=5, codecs="avc1.64001f", bandwidth=9)
    failed = RenditionProgress(
        name="audio-128k", status=RenditionStatus.ERRORED, error_code="encode_failed", error_message="Broken."
    )
    await catalog.encodings.progress(media.id, 1, [done, failed], playable=True, progress=0.25)
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert (shown["status"], shown["playable"], shown["progress"]) == ("Processing", True, 0.25)
    (playback_id,) = shown["playback_ids"]
    assert shown["stream_url"] == f"http://localhost/stream/{playback_id}/master.m3u8"
    assert shown["watch_url"] == f"http://localhost/watch/{playback_id}"
    assert (shown["kind"], shown["file_name"], shown["source_bytes"], shown["duration_s"]) == (
        "video",
        "film.mp4",
        3,
        16,
    )
    video, audio = shown["renditions"]
    assert (video["name"], video["status"], video["progress"], video["codecs"]) == (
        "720p",
        "Encoding",
        0.25,
        "avc1.64001f",
    )
    assert (audio["status"], audio["error"]) == ("Errored", {"code": "encode_failed", "message": "Broken."})
    listed = await client.get("/v1/medias", params={"include": "renditions,tracks,probe,warnings"})
    assert listed.json()["data"] == [shown]


async def test_shows_what_a_media_lacks_that_plays(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    await catalog.encodings.plan(media.id, 1, [], probe=({"warnings": [CUT]}, 16.0))
    failed = RenditionProgress(name="audio-128k", status=RenditionStatus.ERRORED, error_message="Broken.")
    await catalog.encodings.progress(media.id, 1, [failed], playable=True, progress=0.25)
    await catalog.encodings.finish(media.id, 1)
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert (shown["status"], [each["code"] for each in shown["warnings"]]) == (
        "Ready",
        ["source_cut", "audio_failed", "rendition_failed"],
    )
    assert shown["warnings"][0] == CUT


async def test_shows_what_was_found_in_the_file(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    found = info.media(info.video(frame_rate=Fraction(30000, 1001)), info.audio())
    await catalog.encodings.plan(media.id, 1, [], probe=(found.model_dump(mode="json"), 60.0))
    probe = (await client.get(f"/v1/medias/{media.id}")).json()["data"]["probe"]
    assert (probe["container"], probe["duration_s"], probe["video"]["frame_rate"]) == ("mov", 60, 29.97003)
    assert [track["channels"] for track in probe["audio"]] == [2]


@pytest.mark.parametrize("stored", [{"container": "mov"}, {"video": {"width": "wide"}, "warnings": "none"}])
async def test_a_probe_of_another_release_is_no_error(
    client: httpx.AsyncClient, catalog: Catalog, stored: dict[str, object]
) -> None:
    media = await processing(catalog)
    await catalog.encodings.plan(media.id, 1, [], probe=(stored, 16.0))
    for answer in (
        await client.get(f"/v1/medias/{media.id}"),
        await client.get("/v1/medias", params={"include": "probe,warnings"}),
    ):
        assert answer.status_code == 200
    assert (await client.get(f"/v1/medias/{media.id}")).json()["data"]["probe"] is None


async def test_shows_why_a_media_failed(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    await catalog.encodings.fail(media.id, "no_streams", "The file has no streams.")
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert shown["status"] == "Errored"
    assert shown["error"] == {"code": "no_streams", "message": "The file has no streams."}


async def test_lists_pages_newest_first(client: httpx.AsyncClient) -> None:
    ids = [(await create(client, f"Film {n}"))["id"] for n in range(5)]
    page = (await client.get("/v1/medias", params={"limit": 2, "offset": 1})).json()
    assert [media["id"] for media in page["data"]] == [ids[3], ids[2]]
    assert page["metadata"] == {"offset": 1, "limit": 2, "next_cursor": page["metadata"]["next_cursor"]}
    counted = (await client.get("/v1/medias", params={"total": True})).json()
    metadata = {"offset": 0, "limit": 50, "next_cursor": None, "total": 5, "total_capped": False}
    assert counted["metadata"] == metadata
    assert (await client.get("/v1/medias?offset=99")).json()["data"] == []
    found = (await client.get("/v1/medias", params={"q": "film 3", "status": "AwaitingUpload"})).json()
    assert [media["title"] for media in found["data"]] == ["Film 3"]
    assert (await client.get("/v1/medias?status=Ready&total=1")).json()["metadata"]["total"] == 0


PARTS = {"renditions", "tracks", "probe", "warnings"}


@pytest.mark.parametrize(
    "query, parts",
    [
        ("", set()),
        ("?include=", set()),
        ("?include=probe", {"probe"}),
        ("?include=renditions,%20tracks", {"renditions", "tracks"}),
        ("?include=renditions&include=warnings,renditions", {"renditions", "warnings"}),
        ("?include=warnings", {"warnings"}),
        ("?include=renditions,tracks,probe,warnings", PARTS),
    ],
)
async def test_lists_show_what_they_are_asked_for(
    client: httpx.AsyncClient, catalog: Catalog, query: str, parts: set[str]
) -> None:
    media = await processing(catalog)
    found = info.media(info.video(), info.audio()).model_dump(mode="json")
    await catalog.encodings.plan(media.id, 1, [], probe=(found | {"warnings": [CUT]}, 60.0))
    await catalog.tracks.add(media.id, Track(name="text-1", kind=TrackKind.TEXT))
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    listed = (await client.get(f"/v1/medias{query}")).json()
    assert listed["code"] == "ok"
    assert listed["data"] == [{name: shown[name] for name in shown if name not in PARTS - parts}]
    assert len(shown["renditions"]) == 2 and shown["tracks"] and shown["probe"] and shown["warnings"] == [CUT]


async def test_a_list_can_only_include_what_there_is(client: httpx.AsyncClient) -> None:
    for query in ("include=sources", "include=renditions,sources", "include=renditions&include=sources"):
        answer = await client.get(f"/v1/medias?{query}")
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "type": "invalid_request",
                "request_id": answer.headers["X-Request-Id"],
                "code": "invalid_request",
                "message": "include can't name sources: there are renditions, tracks, probe, warnings.",
                "fields": {"include": "must be of renditions, tracks, probe, warnings"},
            },
        )


async def test_an_answer_reads_what_it_shows(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    with asked() as queries:
        await client.get("/v1/medias")
    assert len(queries) == 1
    assert not any("rendition" in query or "track" in query or "media.probe" in query for query in queries)
    with asked() as queries:
        await client.get("/v1/medias", params={"include": ",".join(PARTS)})
    assert len(queries) == 1
    with asked() as queries:
        await client.get(f"/v1/medias/{media.id}")
    assert len(queries) == 1


@contextmanager
def asked() -> Iterator[list[str]]:
    """What is asked of medias' titles and playback ids meanwhile: others look for what is due."""
    queries: list[str] = []
    execute = AsyncConnection.execute

    def note(statement: str) -> None:
        if "media.title" in statement or "playback" in statement:
            queries.append(statement)

    async def past_sqlalchemy(connection: Any, query: bytes, *arguments: Any, **named: Any) -> Any:
        note(query.decode())
        return await execute(connection, query, *arguments, **named)

    def by_sqlalchemy(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        note(statement)

    event.listen(Engine, "before_cursor_execute", by_sqlalchemy)
    try:
        with mock.patch.object(AsyncConnection, "execute", past_sqlalchemy):
            yield queries
    finally:
        event.remove(Engine, "before_cursor_execute", by_sqlalchemy)


async def test_what_is_shown_is_what_is_described(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    found = info.media(info.video(), info.audio()).model_dump(mode="json")
    await catalog.encodings.plan(media.id, 1, [], probe=(found | {"warnings": [CUT]}, 60.0))
    await catalog.tracks.add(media.id, Track(name="text-1", kind=TrackKind.TEXT))
    failed = RenditionProgress(name="720p", status=RenditionStatus.ERRORED, error_message="Broken.")
    await catalog.encodings.progress(media.id, 1, [failed], playable=True, progress=0.25)
    await catalog.encodings.finish(media.id, 1)
    await catalog.replacements.encode(media.id)
    shown = (await client.get(f"/v1/medias/{media.id}")).json()
    assert MediaEnvelope.model_validate(shown).model_dump(mode="json") == shown
    listed = (await client.get("/v1/medias", params={"include": ",".join(PARTS), "total": True})).json()
    assert MediaPage.model_validate(listed).model_dump(mode="json") == listed
    assert listed["data"] == [shown["data"]]


async def test_edits(client: httpx.AsyncClient) -> None:
    media = await create(client)
    answer = await client.patch(f"/v1/medias/{media['id']}", json={"description": "New"})
    assert answer.status_code == 200
    assert (answer.json()["data"]["title"], answer.json()["data"]["description"]) == ("Film", "New")
    assert (await client.patch(f"/v1/medias/{media['id']}", json={})).json()["data"] == answer.json()["data"]
    assert (await client.patch(f"/v1/medias/{uuid4()}", json={"title": "x"})).status_code == 404


async def test_deletes(
    client: httpx.AsyncClient, catalog: Catalog, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.medias.DELETE_WAIT_S", 0.2)
    media = await create(client)
    answer = await client.delete(f"/v1/medias/{media['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    workflow = await temporal.get_workflow_handle(f"delete-{media['id']}").describe()
    assert (workflow.workflow_type, workflow.task_queue) == ("DeleteMedia", "gilfoyle-pipeline")
    for answer in (
        await client.get(f"/v1/medias/{media['id']}"),
        await client.delete(f"/v1/medias/{media['id']}"),
        await client.patch(f"/v1/medias/{media['id']}", json={"title": "x"}),
        await client.get(f"/stream/{media['playback_ids'][0]}/master.m3u8"),
        await client.post(f"/v1/medias/{media['id']}/upload/video", files={"file": b"x"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await client.get("/v1/medias")).json()["data"] == []


async def test_waits_for_the_deletion(client: httpx.AsyncClient, temporal: Client) -> None:
    media = await create(client)
    deleting = asyncio.create_task(client.delete(f"/v1/medias/{media['id']}"))
    handle = temporal.get_workflow_handle(f"delete-{media['id']}")
    await asyncio.sleep(0.5)
    assert not deleting.done()
    await handle.terminate()
    assert (await deleting).status_code == 204


async def test_deleting_an_unknown_media_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.delete(f"/v1/medias/{uuid4()}")).status_code == 404
