"""POST and GET /v1/medias/{id}/verify, up to the workflow's start; no worker runs here."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from gilfoyle.catalog import Catalog, Media, RenditionProgress, RenditionStatus
from gilfoyle.config import Settings
from gilfoyle.temporal.messages import VerifyMediaInput, verify_media_id
from tests.integration.api.calling import calling
from tests.integration.api.conftest import processing

WHOLE = [
    RenditionProgress(name="720p", status=RenditionStatus.READY, stored_segments=3, stored_bytes=3000),
    RenditionProgress(
        name="audio-128k", status=RenditionStatus.ERRORED, error_code="encode_failed", error_message="No."
    ),
]


async def ready(catalog: Catalog) -> Media:
    media = await processing(catalog)
    await catalog.encodings.progress(media.id, 1, WHOLE, playable=True, progress=1)
    await catalog.encodings.finish(media.id, 1)
    return await catalog.medias.get(media.id)


async def test_one_that_is_ready_is_compared_once_at_a_time(
    client: httpx.AsyncClient, catalog: Catalog, temporal: Client
) -> None:
    media = await ready(catalog)
    for _ in range(2):
        answer = await client.post(f"/v1/medias/{media.id}/verify")
        assert answer.status_code == 202, answer.text
        assert answer.json()["data"] == {"status": "Running", "agreement": None, "error": None}
    assert (await client.get(f"/v1/medias/{media.id}/verify")).json()["data"]["status"] == "Running"
    handle = temporal.get_workflow_handle(verify_media_id(media.id, 1))
    [job] = await temporal.data_converter.decode(
        [
            payload
            async for event in handle.fetch_history_events()
            for payload in event.workflow_execution_started_event_attributes.input.payloads
        ],
        [VerifyMediaInput],
    )
    assert (job.media_id, job.has_video, job.renditions) == (media.id, True, {"720p": 3000})
    await handle.terminate("the test is over")
    ended = (await client.get(f"/v1/medias/{media.id}/verify")).json()["data"]
    assert (ended["status"], ended["agreement"]) == ("Failed", None)
    assert ended["error"]["message"]


async def test_one_that_was_never_compared(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog)
    answer = await client.get(f"/v1/medias/{media.id}/verify")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_verified")


async def test_what_is_not_ready_or_not_there(client: httpx.AsyncClient, catalog: Catalog) -> None:
    waiting = await catalog.medias.create("Film")
    answer = await client.post(f"/v1/medias/{waiting.id}/verify")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    for call in (client.post, client.get):
        answer = await call(f"/v1/medias/{uuid4()}/verify")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_without_temporal_it_says_so(outage: Callable[[str], Settings], catalog: Catalog) -> None:
    media = await ready(catalog)
    async with calling(outage("temporal")) as client:
        for call in (client.post, client.get):
            answer = await call(f"/v1/medias/{media.id}/verify")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_medias_are_found_by_the_checksum_of_their_file(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog)
    await catalog.medias.create("Another")
    assert media.source_sha256
    for digest in (media.source_sha256, media.source_sha256.upper()):
        found = (await client.get("/v1/medias", params={"sha256": digest})).json()
        assert [each["id"] for each in found["data"]] == [str(media.id)]
    assert (await client.get("/v1/medias", params={"sha256": "f" * 64})).json()["data"] == []


@pytest.mark.parametrize("digest", ["abc", "g" * 64, "0" * 65])
async def test_what_is_no_checksum_is_refused(digest: str, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/medias", params={"sha256": digest})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
