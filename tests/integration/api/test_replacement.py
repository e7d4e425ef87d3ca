"""Replacing a media that is Ready, up to the workflow's start; no worker runs here."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from gilfoyle.catalog import Catalog, Media
from gilfoyle.storage import FilesystemStorage, keys
from gilfoyle.temporal.messages import process_media_id
from tests.integration.api.conftest import address, processing

NEW = b"another film" * 1000


async def ready(catalog: Catalog, storage: FilesystemStorage) -> Media:
    media = await processing(catalog)
    await storage.write(keys.source(media.id), b"old")
    await storage.write(f"{keys.encoding_prefix(media.id, 1)}/720p/00000.m4s", b"segment")
    await catalog.encodings.finish(media.id, 1)
    return await catalog.medias.get(media.id)


async def status(temporal: Client, media_id: UUID, version: int) -> WorkflowExecutionStatus | None:
    with suppress(RPCError):
        return (await temporal.get_workflow_handle(process_media_id(media_id, version)).describe()).status
    return None


async def put(client: httpx.AsyncClient, media_id: UUID, replace: Any = "true", **headers: str) -> httpx.Response:
    return await client.put(f"/v1/medias/{media_id}/source", content=NEW, params={"replace": replace}, headers=headers)


@pytest.mark.parametrize("way", ["form", "plain"])
async def test_another_file_is_taken_only_if_it_is_to_replace_the_first(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client, way: str
) -> None:
    media = await ready(catalog, storage)

    async def send(**params: str) -> httpx.Response:
        if way == "plain":
            return await client.put(f"/v1/medias/{media.id}/source", content=NEW, params=params)
        return await client.post(f"/v1/medias/{media.id}/upload/video", files={"file": NEW}, params=params)

    refused = await send()
    assert refused.status_code == 409
    assert "replace=true" in refused.json()["message"]
    taken = await send(replace="true")
    assert taken.status_code == 202, taken.text
    shown = taken.json()["data"]
    assert (shown["status"], shown["version"], shown["playable"], shown["source_bytes"]) == ("Ready", 1, True, 3)
    assert shown["replacement"] == {
        "version": 2,
        "status": "Processing",
        "progress": 0,
        "file_name": "upload" if way == "form" else None,
        "source_bytes": len(NEW),
        "source_sha256": shown["replacement"]["source_sha256"],
        "error": None,
    }
    assert await status(temporal, media.id, 2) == WorkflowExecutionStatus.RUNNING
    assert await storage.read(keys.source(media.id)) == b"old"
    assert await storage.read(keys.source(media.id, 2)) == NEW
    again = await send(replace="true")
    assert (again.status_code, again.json()["code"]) == (409, "replacing")


async def test_a_replacement_goes_on_where_it_broke_off(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media = await ready(catalog, storage)
    url, params = f"/v1/medias/{media.id}/source", {"replace": "true"}
    before = await client.head(url)
    assert (before.headers["Upload-Offset"], before.headers["Upload-Complete"]) == ("3", "?1")
    half = len(NEW) // 2
    parts = ((0, half), (half, len(NEW)))
    for start, end in parts:
        offset = await client.head(url, params=params)
        assert (offset.headers["Upload-Offset"], offset.headers["Upload-Complete"]) == (str(start), "?0")
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(NEW)}"}
        answer = await client.put(url, content=NEW[start:end], headers=headers, params=params)
        assert answer.status_code == (308 if end < len(NEW) else 202), answer.text
    assert await storage.read(keys.source(media.id, 2)) == NEW
    after = await client.head(url, params=params)
    assert (after.headers["Upload-Offset"], after.headers["Upload-Complete"]) == (str(len(NEW)), "?1")


async def test_the_source_is_encoded_anew_by_the_ladder_that_is_given(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media = await ready(catalog, storage)
    ladder = {"video": [{"height": 540, "max_kbps": 1500, "codec": "av1"}], "preset": "slow"}
    answer = await client.post(f"/v1/medias/{media.id}/replacement", json=ladder)
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["replacement"]["version"] == 2
    assert await status(temporal, media.id, 2) == WorkflowExecutionStatus.RUNNING
    replacement = await catalog.replacements.of(media.id)
    assert replacement and replacement.policy
    assert (replacement.upload, replacement.policy["preset"]) == (1, "slow")
    assert [rung["codec"] for rung in replacement.policy["video"]] == ["av1"]
    assert replacement.policy["audio"]  # as the settings have it
    assert (await client.post(f"/v1/medias/{media.id}/replacement")).json()["code"] == "replacing"


@pytest.mark.parametrize(
    "body", [{"video": []}, {"video": [{"height": 1}]}, {"chunk_s": 7}, {"preset": "warp"}, {"video": None, "x": 1}, []]
)
async def test_a_ladder_that_is_none_is_refused(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, body: Any
) -> None:
    media = await ready(catalog, storage)
    answer = await client.post(f"/v1/medias/{media.id}/replacement", json=body)
    assert answer.status_code == 400, answer.text
    assert (await catalog.medias.get(media.id)).encodings == 1


async def test_giving_one_up(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media = await ready(catalog, storage)
    url = f"/v1/medias/{media.id}/replacement"
    assert (await client.delete(url)).status_code == 404
    await put(client, media.id)
    assert (await client.delete(url)).status_code == 204
    shown = (await client.get(f"/v1/medias/{media.id}")).json()["data"]
    assert (shown["status"], shown["version"], shown["replacement"]) == ("Ready", 1, None)
    assert (await client.delete(url)).status_code == 404
    next_one = await put(client, media.id)
    assert next_one.json()["data"]["replacement"]["version"] == 3  # no number is given twice


async def test_one_that_is_errored_is_tried_again_and_shown_with_its_reason(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media = await ready(catalog, storage)
    await put(client, media.id)
    await catalog.encodings.fail(media.id, "no_streams", "There is nothing in it.", 2)
    (listed,) = (await client.get("/v1/medias")).json()["data"]
    assert listed["status"] == "Ready"
    assert listed["replacement"]["error"] == {"code": "no_streams", "message": "There is nothing in it."}
    again = await client.post(f"/v1/medias/{media.id}/retry")
    assert again.status_code == 202, again.text
    assert again.json()["data"]["replacement"] | {"source_sha256": ""} == {
        "version": 3,
        "status": "Processing",
        "progress": 0,
        "file_name": None,
        "source_bytes": len(NEW),
        "source_sha256": "",
        "error": None,
    }
    assert await status(temporal, media.id, 3) == WorkflowExecutionStatus.RUNNING


@pytest.mark.parametrize("state", ["AwaitingUpload", "Processing", "Errored"])
async def test_only_what_is_ready_is_encoded_anew(client: httpx.AsyncClient, catalog: Catalog, state: str) -> None:
    media = await (catalog.medias.create("Film") if state == "AwaitingUpload" else processing(catalog))
    if state == "Errored":
        await catalog.encodings.fail(media.id, "no_streams", "There is nothing in it.")
    answer = await client.post(f"/v1/medias/{media.id}/replacement")
    assert (answer.status_code, state in answer.json()["message"]) == (409, True)
    assert (await client.post(f"/v1/medias/{uuid4()}/replacement")).status_code == 404


async def test_the_version_that_is_made_is_not_to_be_seen_and_the_one_before_is(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media = await ready(catalog, storage)
    await put(client, media.id)
    segment = "720p/00000.m4s"
    await storage.write(f"{keys.encoding_prefix(media.id, 2)}/{segment}", b"other")
    of_now = await address(catalog, media.id)
    of_next = f"{of_now.rpartition('/')[0]}/2"
    assert (await client.get(f"{of_now}/{segment}")).content == b"segment"
    assert (await client.get(f"{of_next}/{segment}")).status_code == 404
    await catalog.encodings.finish(media.id, 2)
    async with asyncio.timeout(10):  # what is served is remembered for a moment
        while (found := await client.get(f"{of_next}/{segment}")).status_code == 404:
            await asyncio.sleep(0.1)
    assert found.content == b"other"
    assert (await client.get(f"{of_now}/{segment}")).content == b"segment"
