"""POST /v1/medias/{id}/retry, and …/renditions/{name}/retry, up to the workflow's start; no worker runs here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from gilfoyle.api import retry
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog, Media, MediaStatus, RenditionProgress, RenditionStatus
from gilfoyle.config import Settings
from gilfoyle.storage import FilesystemStorage, keys
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import process_media_id, retry_media_id
from tests.integration.api.calling import calling
from tests.integration.api.conftest import processing

BROKEN = RenditionProgress(
    name="720p", status=RenditionStatus.ERRORED, error_code="encode_failed", error_message="Broken."
)


async def ready(catalog: Catalog, *, recipe: bool = True) -> Media:
    """A media that is Ready without its video."""
    media = await processing(catalog)
    if recipe:
        await catalog.encodings.plan(media.id, 1, [], recipe=({"any": "plan"}, {"any": "policy"}))
    await catalog.encodings.progress(media.id, 1, [BROKEN], playable=True, progress=0.5)
    await catalog.encodings.finish(media.id, 1)
    return await catalog.medias.get(media.id)


def path(media_id: UUID, name: str = "720p") -> str:
    return f"/v1/medias/{media_id}/renditions/{name}/retry"


async def is_running(temporal: Client, media: Media) -> bool:
    with suppress(RPCError):
        found = await temporal.get_workflow_handle(retry_media_id(media.id, 1)).describe()
        return found.status == WorkflowExecutionStatus.RUNNING
    return False


async def test_one_that_is_errored_waits_again(client: httpx.AsyncClient, catalog: Catalog, temporal: Client) -> None:
    media = await ready(catalog)
    answer = await client.post(path(media.id))
    assert answer.status_code == 202, answer.text
    shown = answer.json()["data"]
    assert (shown["status"], shown["playable"], shown["progress"]) == ("Ready", True, 1)
    assert [(each["name"], each["status"], each["error"]) for each in shown["renditions"]] == [
        ("720p", "Waiting", None),
        ("audio-128k", "Ready", None),
    ]
    assert shown == (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert await is_running(temporal, media)


async def test_of_many_at_once_one_is_taken(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog)
    answers = await asyncio.gather(*(client.post(path(media.id)) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "conflict" and "720p" in refused["message"]


@pytest.mark.parametrize("name", ["360p", "audio", "%00", "a" * 3000, "%2e%2e", "7%2F20p", "🎬"])
async def test_no_such_rendition(name: str, client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog)
    answer = await client.post(path(media.id, name))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_no_such_media(client: httpx.AsyncClient, catalog: Catalog) -> None:
    assert (await client.post(path(uuid4()))).status_code == 404
    assert (await client.post("/v1/medias/nonsense/renditions/720p/retry")).status_code == 400
    media = await ready(catalog)
    await catalog.medias.mark_deleting(media.id)
    assert (await client.post(path(media.id))).status_code == 404


async def test_what_is_not_errored_is_refused(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog)
    answer = await client.post(path(media.id, "audio-128k"))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "it is Ready" in answer.json()["message"]
    waiting = await processing(catalog)
    assert (await client.post(path(waiting.id))).status_code == 409
    awaiting = await catalog.medias.create("Film")
    assert (await client.post(path(awaiting.id))).status_code == 404


async def test_of_a_media_that_is_errored_there_is_nothing_to_join(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    await catalog.encodings.fail(media.id, "encode_failed", "All is broken.")
    answer = await client.post(path(media.id))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "try the media again" in answer.json()["message"]


async def test_without_its_recipe_it_is_refused(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog, recipe=False)
    answer = await client.post(path(media.id))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_recipe")
    (row, _) = await catalog.medias.renditions(media.id, 1)
    assert row.status == RenditionStatus.ERRORED


async def test_a_media_whose_workflow_is_just_ending(
    catalog: Catalog, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at until it has ended."""
    medias = [await processing(catalog) for _ in range(2)]
    for media in medias:
        await catalog.encodings.plan(media.id, 1, [], recipe=({}, {}))
        await catalog.encodings.progress(media.id, 1, [BROKEN], playable=True, progress=0.5)
    async with calling(settings) as client:
        asked = asyncio.create_task(client.post(path(medias[0].id)))
        await asyncio.sleep(0.3)
        await catalog.encodings.finish(medias[0].id, 1)
        assert (await asked).status_code == 202
        monkeypatch.setattr(retry, "_LOOKS", 2)
        assert (await client.post(path(medias[1].id))).status_code == 409


async def test_without_temporal_it_is_promised(catalog: Catalog, outage: Callable[[str], Settings]) -> None:
    media, running = await ready(catalog), await processing(catalog)
    await catalog.encodings.progress(running.id, 1, [BROKEN], playable=True, progress=0.5)
    async with calling(outage("temporal")) as client:
        assert (await client.post(path(media.id))).status_code == 202
        answer = await client.post(path(running.id))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (await catalog.medias.get(media.id)).due_at is not None


async def errored(catalog: Catalog, storage: FilesystemStorage, code: str = "encode_failed") -> Media:
    """A media that could not be encoded, with its source."""
    media = await processing(catalog)
    await storage.write(keys.source(media.id), b"film")
    await catalog.encodings.fail(media.id, code, "All is broken.")
    return await catalog.medias.get(media.id)


async def test_a_media_that_is_errored_is_encoded_again(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media = await errored(catalog, storage)
    answer = await client.post(f"/v1/medias/{media.id}/retry")
    assert answer.status_code == 202, answer.text
    shown = answer.json()["data"]
    assert (shown["status"], shown["playable"], shown["progress"]) == ("Processing", False, 0)
    assert (shown["error"], shown["probe"], shown["duration_s"], shown["renditions"]) == (None, None, None, [])
    assert shown["source_sha256"] == media.source_sha256
    found = await temporal.get_workflow_handle(process_media_id(media.id, 2)).describe()
    assert (found.workflow_type, found.status) == ("ProcessMedia", WorkflowExecutionStatus.RUNNING)
    refused = await client.post(f"/v1/medias/{media.id}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "is being processed" in refused.json()["message"]


@pytest.mark.parametrize("asked", [None, "video", "audio"])
@pytest.mark.parametrize("way", ["retry", "replacement"])
async def test_what_was_found_to_be_audio_is_looked_into_again(
    client: httpx.AsyncClient, catalog: Catalog, temporal: Client, asked: str | None, way: str
) -> None:
    """Another release may find video in it; only what was asked for stays."""
    media_id = (await catalog.medias.create("Song")).id
    params = {"kind": asked} if asked else {}
    assert (await client.put(f"/v1/medias/{media_id}/source", content=b"song", params=params)).status_code == 202
    assert (await workflow_input(temporal, media_id, 1))["kind"] == ("audio" if asked == "audio" else "video")
    await catalog.encodings.plan(media_id, 1, [], kind="audio")
    assert (await client.get(f"/v1/medias/{media_id}")).json()["data"]["kind"] == "audio"
    if way == "retry":
        await catalog.encodings.fail(media_id, "damaged", "It is damaged.")
    else:
        await catalog.encodings.finish(media_id, 1)
    assert (await client.post(f"/v1/medias/{media_id}/{way}")).status_code == 202
    assert (await workflow_input(temporal, media_id, 2))["kind"] == ("audio" if asked == "audio" else "video")
    if way == "replacement":
        await catalog.encodings.plan(media_id, 2, [], kind="video")
        await catalog.encodings.finish(media_id, 2)
        media = await catalog.medias.get(media_id)
        assert (media.kind, media.audio_only) == ("video", asked == "audio")


async def workflow_input(temporal: Client, media_id: UUID, encoding: int) -> dict[str, Any]:
    """What the workflow of an encoding was started with."""
    history = await temporal.get_workflow_handle(process_media_id(media_id, encoding)).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    return json.loads(started.input.payloads[0].data)  # type: ignore[no-any-return]


async def test_of_many_retries_at_once_one_is_taken(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media = await errored(catalog, storage)
    answers = await asyncio.gather(*(client.post(f"/v1/medias/{media.id}/retry") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    assert (await catalog.medias.get(media.id)).encoding == 2


async def test_a_media_that_nobody_works_on_is_encoded_again(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, settings: Settings, temporal: Client
) -> None:
    """Its workflow was lost, or somebody terminated it, and nobody has looked yet; one that runs is left alone."""
    lost, ended, runs = [await processing(catalog) for _ in range(3)]
    for media in (lost, ended, runs):
        await catalog.encodings.progress(
            media.id, 1, [], playable=True, progress=0.5
        )  # so it is looked at in a minute only
    pipeline = Pipeline(await connect(settings.temporal), settings)
    for media in (lost, ended, runs):
        await storage.write(keys.source(media.id), b"film")
    for media in (ended, runs):
        await pipeline.start_processing(media)
    await temporal.get_workflow_handle(process_media_id(ended.id, 1)).terminate("a test")
    answers = [await client.post(f"/v1/medias/{media.id}/retry") for media in (lost, ended, runs)]
    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert [(await catalog.medias.get(media.id)).encoding for media in (lost, ended, runs)] == [2, 2, 1]


async def test_where_there_is_nothing_to_try_again_a_sentence_says_why(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    gone, text = await errored(catalog, storage), await errored(catalog, storage, "not_media")
    await storage.delete(keys.source(gone.id))
    uploading = await errored(catalog, storage)
    await catalog.uploads.lease(uploading.id, 30)
    refused = {
        (await catalog.medias.create("Film")).id: ("conflict", "awaits its upload"),
        (await ready(catalog)).id: ("conflict", "Name the rendition to have it encoded again: 720p."),
        gone.id: ("no_source", "upload it again"),
        text.id: ("no_source", "upload another"),
        uploading.id: ("conflict", "being uploaded again"),
    }
    for media_id, (code, words) in refused.items():
        answer = await client.post(f"/v1/medias/{media_id}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert words in answer.json()["message"]
    assert (await client.post(f"/v1/medias/{uuid4()}/retry")).status_code == 404


async def test_without_temporal_a_media_is_encoded_again_later(
    catalog: Catalog, storage: FilesystemStorage, outage: Callable[[str], Settings]
) -> None:
    media, stuck = await errored(catalog, storage), await processing(catalog)
    async with calling(outage("temporal")) as client:
        assert (await client.post(f"/v1/medias/{media.id}/retry")).status_code == 202
        answer = await client.post(f"/v1/medias/{stuck.id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (await catalog.medias.get(media.id)).status == MediaStatus.PROCESSING
