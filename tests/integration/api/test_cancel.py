"""POST /v1/medias/{id}/cancel, up to Temporal; no worker runs here."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog, Database, MediaStatus, RenditionStatus
from gilfoyle.config import Settings
from gilfoyle.storage import FilesystemStorage, keys
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import process_media_id, retry_media_id
from tests.integration.api.calling import calling
from tests.integration.api.conftest import address, eventually, playable, processing
from tests.integration.api.test_recovery import overdue
from tests.integration.api.test_retry import ready


@pytest.fixture
async def pipeline(settings: Settings) -> Pipeline:
    return Pipeline(await connect(settings.temporal), settings)


async def was_cancelled(temporal: Client, workflow_id: str) -> bool:
    """Whether somebody has asked for its end."""
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    return any(each.HasField("workflow_execution_cancel_requested_event_attributes") for each in history.events)


async def test_what_is_encoded_ends_and_its_source_stays(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, pipeline: Pipeline, temporal: Client
) -> None:
    media_id = await playable(catalog, storage)
    await storage.write(keys.source(media_id), b"film")
    await pipeline.start_processing(await catalog.medias.get(media_id))
    for _ in range(2):  # it may be repeated
        answer = await client.post(f"/v1/medias/{media_id}/cancel")
        assert answer.status_code == 202, answer.text
        shown = answer.json()["data"]
        assert (shown["status"], shown["playable"]) == ("Errored", False)
        assert shown["error"] == {"code": "cancelled", "message": "It was cancelled."}
        assert [(each["status"], each["error"]["code"]) for each in shown["renditions"]] == [
            ("Errored", "cancelled")
        ] * 2
    assert await was_cancelled(temporal, process_media_id(media_id, 1))
    assert (await client.get(f"{await address(catalog, media_id)}/master.m3u8")).status_code == 409
    events = (await client.get(f"/v1/medias/{media_id}/events", params={"type": "media.errored"})).json()["data"]
    assert [each["data"]["error"]["code"] for each in events] == ["cancelled"]
    again = await client.post(f"/v1/medias/{media_id}/retry")
    assert (again.status_code, again.json()["data"]["status"]) == (202, "Processing")
    assert (await client.post(f"/v1/medias/{media_id}/cancel")).status_code == 202


async def test_a_replacement_ends_and_the_version_of_now_plays_on(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media_id = await playable(catalog, storage)
    await storage.write(keys.source(media_id), b"film")
    await catalog.encodings.finish(media_id, 1)
    assert (await client.post(f"/v1/medias/{media_id}/replacement")).status_code == 202
    shown = (await client.post(f"/v1/medias/{media_id}/cancel")).json()["data"]
    assert (shown["status"], shown["playable"], shown["version"], shown["error"]) == ("Ready", True, 1, None)
    assert (shown["replacement"]["status"], shown["replacement"]["error"]["code"]) == ("Errored", "cancelled")
    assert await was_cancelled(temporal, process_media_id(media_id, 2))
    assert (await client.get(f"{await address(catalog, media_id)}/master.m3u8")).status_code == 200
    assert (await client.post(f"/v1/medias/{media_id}/retry")).status_code == 202
    assert (await client.get(f"/v1/medias/{media_id}")).json()["data"]["replacement"]["version"] == 3


async def test_a_rendition_that_is_tried_again_is_errored_again(
    client: httpx.AsyncClient, catalog: Catalog, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.retry._LOOKS", 2)
    media = await ready(catalog)
    path = f"/v1/medias/{media.id}/renditions/720p/retry"
    assert (await client.post(path)).status_code == 202
    shown = (await client.post(f"/v1/medias/{media.id}/cancel")).json()["data"]
    assert (shown["status"], shown["playable"]) == ("Ready", True)
    assert [(each["status"], (each["error"] or {}).get("code")) for each in shown["renditions"]] == [
        ("Errored", "cancelled"),
        ("Ready", None),
    ]
    assert await was_cancelled(temporal, retry_media_id(media.id, 1))
    # The workflow that is ending would take the next one with it.
    assert (await client.post(path)).status_code == 409
    await temporal.get_workflow_handle(retry_media_id(media.id, 1)).terminate()
    assert (await client.post(path)).status_code == 202


async def test_where_nothing_is_encoded_a_sentence_says_so(client: httpx.AsyncClient, catalog: Catalog) -> None:
    failed = await processing(catalog)
    await catalog.encodings.fail(failed.id, "damaged", "It is damaged.")
    for media_id in ((await catalog.medias.create("Film")).id, (await ready(catalog)).id, failed.id):
        answer = await client.post(f"/v1/medias/{media_id}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "nothing of it is being encoded" in answer.json()["message"]
    assert (await catalog.medias.get(failed.id)).error_code == "damaged"
    assert (await client.post(f"/v1/medias/{uuid4()}/cancel")).status_code == 404


async def test_without_temporal_it_is_promised(
    catalog: Catalog,
    database: Database,
    settings: Settings,
    pipeline: Pipeline,
    temporal: Client,
    outage: Callable[[str], Settings],
) -> None:
    film, song = await processing(catalog), await ready(catalog)
    await pipeline.start_processing(film)
    await pipeline.start_retrying(await catalog.retries.reopen(song.id, "720p"))
    async with calling(outage("temporal")) as client:
        for media in (film, song):
            assert (await client.post(f"/v1/medias/{media.id}/cancel")).status_code == 202
            assert (await catalog.medias.get(media.id)).due_at is not None
    await overdue(database, film, song)

    async def told() -> None:
        assert await was_cancelled(temporal, process_media_id(film.id, 1))
        assert await was_cancelled(temporal, retry_media_id(song.id, 1))

    async with calling(settings):
        await eventually(told)
    assert (await catalog.medias.get(film.id)).status == MediaStatus.ERRORED
    assert {row.status for row in await catalog.medias.renditions(film.id, 1)} == {RenditionStatus.ERRORED}
