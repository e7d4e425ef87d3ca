"""POST /medias/{id}/renditions/{name}/retry, up to the workflow's start; no worker runs here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from gilfoyle.api import retry
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.recovery import recover
from gilfoyle.catalog import Catalog, Media, RenditionProgress, RenditionStatus
from gilfoyle.config import Settings
from gilfoyle.temporal import connect
from gilfoyle.workflows.messages import retry_media_id
from tests.integration.api.calling import calling
from tests.integration.api.conftest import processing

BROKEN = RenditionProgress(
    name="720p", status=RenditionStatus.ERRORED, error_code="encode_failed", error_message="Broken."
)


async def ready(catalog: Catalog, *, recipe: bool = True) -> Media:
    """A media that is Ready without its picture."""
    media = await processing(catalog)
    if recipe:
        await catalog.plan(media.id, 1, [], recipe=({"any": "plan"}, {"any": "policy"}))
    await catalog.progress(media.id, 1, [BROKEN], playable=True, progress=0.5)
    await catalog.finish(media.id, 1)
    return await catalog.get(media.id)


def path(media_id: UUID, name: str = "720p") -> str:
    return f"/medias/{media_id}/renditions/{name}/retry"


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
    assert shown == (await client.get(f"/medias/{media.id}")).json()["data"]
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
    assert (await client.post("/medias/nonsense/renditions/720p/retry")).status_code == 400
    media = await ready(catalog)
    await catalog.mark_deleting(media.id)
    assert (await client.post(path(media.id))).status_code == 404


async def test_what_is_not_errored_is_refused(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog)
    answer = await client.post(path(media.id, "audio-128k"))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "it is Ready" in answer.json()["message"]
    waiting = await processing(catalog)
    assert (await client.post(path(waiting.id))).status_code == 409
    awaiting = await catalog.create("Film")
    assert (await client.post(path(awaiting.id))).status_code == 404


async def test_of_a_media_that_is_errored_there_is_nothing_to_join(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    await catalog.fail(media.id, "encode_failed", "All is broken.")
    answer = await client.post(path(media.id))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "upload it again" in answer.json()["message"]


async def test_without_its_recipe_it_is_refused(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await ready(catalog, recipe=False)
    answer = await client.post(path(media.id))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_recipe")
    (row, _) = await catalog.renditions(media.id, 1)
    assert row.status == RenditionStatus.ERRORED


async def test_a_media_whose_workflow_is_just_ending(
    catalog: Catalog, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at until it has ended."""
    medias = [await processing(catalog) for _ in range(2)]
    for media in medias:
        await catalog.plan(media.id, 1, [], recipe=({}, {}))
        await catalog.progress(media.id, 1, [BROKEN], playable=True, progress=0.5)
    async with calling(settings) as client:
        asked = asyncio.create_task(client.post(path(medias[0].id)))
        await asyncio.sleep(0.3)
        await catalog.finish(medias[0].id, 1)
        assert (await asked).status_code == 202
        monkeypatch.setattr(retry, "_LOOKS", 2)
        assert (await client.post(path(medias[1].id))).status_code == 409


async def test_without_temporal_it_is_promised_and_begun_later(
    catalog: Catalog, settings: Settings, outage: Callable[[str], Settings], temporal: Client
) -> None:
    media, running = await ready(catalog), await processing(catalog)
    await catalog.progress(running.id, 1, [BROKEN], playable=True, progress=0.5)
    async with calling(outage("temporal")) as client:
        assert (await client.post(path(media.id))).status_code == 202
        answer = await client.post(path(running.id))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert not await is_running(temporal, media)
    assert await recover(catalog, Pipeline(await connect(settings.temporal), settings), -60) >= 1
    assert await is_running(temporal, media)
