from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from gilfoyle.catalog import Catalog, RenditionProgress, RenditionStatus
from tests.integration.api.conftest import processing


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
    listed = (await client.get("/v1/medias")).json()["data"]
    assert listed == [shown]


async def test_shows_what_a_media_lacks_that_plays(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    cut = {"code": "source_cut", "message": "The file ends early."}
    await catalog.encodings.plan(media.id, 1, [], probe=({"warnings": [cut]}, 16.0))
    failed = RenditionProgress(name="audio-128k", status=RenditionStatus.ERRORED, error_message="Broken.")
    await catalog.encodings.progress(media.id, 1, [failed], playable=True, progress=0.25)
    await catalog.encodings.finish(media.id, 1)
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert (shown["status"], [each["code"] for each in shown["warnings"]]) == (
        "Ready",
        ["source_cut", "sound_failed", "rendition_failed"],
    )
    assert shown["warnings"][0] == cut


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
    assert page["metadata"] == {"total": 5, "offset": 1, "limit": 2}
    everything = (await client.get("/v1/medias")).json()
    assert everything["metadata"] == {"total": 5, "offset": 0, "limit": 50}
    assert (await client.get("/v1/medias?offset=99")).json()["data"] == []
    found = (await client.get("/v1/medias", params={"q": "film 3", "status": "AwaitingUpload"})).json()
    assert [media["title"] for media in found["data"]] == ["Film 3"]
    assert (await client.get("/v1/medias?status=Ready")).json()["metadata"]["total"] == 0


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
