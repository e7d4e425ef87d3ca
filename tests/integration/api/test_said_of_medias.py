"""What clients say of a media: at its creation, by merge patches, and until when it stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client

from gilfoyle.catalog import Catalog, Database
from gilfoyle.storage import FilesystemStorage
from gilfoyle.temporal.messages import ProcessMediaInput, process_media_id
from tests.integration.api.conftest import eventually
from tests.integration.api.test_replacement import ready

SAID: dict[str, Any] = {
    "title": "Film",
    "description": "Of things",
    "external_id": "film/1",
    "metadata": {"season": 1, "owner": {"team": "é", "since": 2.5}, "done": False},
    "tags": ["open", "short"],
    "expires_at": "2098-01-31T12:00:00Z",
    "encoding": {"max_height": 720, "codecs": ["h264"]},
}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


async def create(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post("/v1/medias", json={"title": "Film", **said})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def patch(client: httpx.AsyncClient, media: dict[str, Any], said: Any, status: int = 200) -> dict[str, Any]:
    answer = await client.patch(f"/v1/medias/{media['id']}", json=said, headers=MERGE_PATCH)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body["data"] if status == 200 else body  # type: ignore[no-any-return]


async def test_all_that_is_said_is_kept_and_shown(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/medias", json=SAID)
    media = answer.json()["data"]
    assert {name: media[name] for name in SAID} == SAID
    assert answer.headers["Location"] == f"http://localhost/v1/medias/{media['id']}"
    assert (await client.get(f"/v1/medias/{media['id']}")).json()["data"] == media
    [listed] = (await client.get("/v1/medias")).json()["data"]
    assert {name: listed[name] for name in SAID} == SAID


async def test_what_is_not_said_is_empty(client: httpx.AsyncClient) -> None:
    media = await create(client)
    empty = {"external_id": None, "metadata": {}, "tags": [], "expires_at": None, "encoding": None}
    assert {name: media[name] for name in empty} == empty


async def test_a_patch_merges_and_null_removes(client: httpx.AsyncClient) -> None:
    media = await create(client, **SAID)
    changed = await patch(
        client,
        media,
        {
            "metadata": {"season": None, "owner": {"team": "b"}, "new": [1]},
            "tags": ["x", "x"],
            "encoding": {"preset": "slow"},
        },
    )
    assert changed["metadata"] == {"owner": {"team": "b", "since": 2.5}, "done": False, "new": [1]}
    assert (changed["tags"], changed["external_id"], changed["title"]) == (["x"], "film/1", "Film")
    assert changed["encoding"] == {"max_height": 720, "codecs": ["h264"], "preset": "slow"}
    changed = await patch(client, media, {"encoding": {"codecs": None, "preset": None}, "metadata": {"done": None}})
    assert (changed["encoding"], "done" in changed["metadata"]) == ({"max_height": 720}, False)
    gone = {
        "description": None,
        "external_id": None,
        "metadata": None,
        "tags": None,
        "expires_at": None,
        "encoding": None,
    }
    changed = await patch(client, media, gone)
    assert {name: changed[name] for name in gone} == {
        "description": "", "external_id": None, "metadata": {}, "tags": [], "expires_at": None, "encoding": None,
    }  # fmt: skip
    assert list((await patch(client, media, {"title": None}, 400))["fields"]) == ["title"]


async def test_metadata_that_grow_too_much_are_refused_and_nothing_is_changed(client: httpx.AsyncClient) -> None:
    media = await create(client, metadata={str(n): n for n in range(40)})
    refused = await patch(client, media, {"title": "New", "metadata": {f"x{n}": n for n in range(11)}}, 400)
    assert refused["fields"] == {"metadata": "must have at most 50 keys in an object"}
    assert (await client.get(f"/v1/medias/{media['id']}")).json()["data"] == media
    assert (
        len((await patch(client, media, {"metadata": {"0": None, **{f"x{n}": n for n in range(11)}}}))["metadata"])
        == 50
    )


WRONG: list[dict[str, Any]] = [
    {"external_id": ""}, {"external_id": "x" * 256}, {"external_id": "a\nb"}, {"external_id": 5},
    {"metadata": []}, {"metadata": "x"}, {"metadata": {"a": "x" * 1001}}, {"metadata": {"a": "\0"}},
    {"tags": "x"}, {"tags": [""]}, {"tags": ["a,b"]}, {"tags": [1]}, {"tags": ["x" * 101]}, {"tags": ["\0"]},
    {"tags": [str(n) for n in range(51)]}, {"tags": [None]},
    {"expires_at": "2001-01-01T00:00:00Z"}, {"expires_at": "2098-01-01T00:00:00"}, {"expires_at": "tomorrow"},
    {"expires_at": 4_000_000_000}, {"expires_at": "9999-12-31T23:59:59-12:00"}, {"expires_at": ""},
    {"encoding": {"max_height": 0}}, {"encoding": {"codecs": ["mpeg2"]}}, {"encoding": {"gop_s": 1}},
    {"encoding": {"codecs": ["h264", "hevc", "av1", "vp9"]}}, {"encoding": []},
]  # fmt: skip


@pytest.mark.parametrize("said", WRONG)
async def test_nonsense_is_the_clients_fault(client: httpx.AsyncClient, said: dict[str, Any]) -> None:
    answer = await client.post("/v1/medias", json={"title": "Film", **said})
    assert answer.status_code == 400, answer.text
    (name,) = said
    assert all(field.split(".")[0] == name for field in answer.json()["fields"]), answer.text
    assert (await client.get("/v1/medias")).json()["data"] == []
    media = await create(client, **SAID)
    assert (await client.patch(f"/v1/medias/{media['id']}", json=said)).status_code == 400
    assert (await client.get(f"/v1/medias/{media['id']}")).json()["data"] == media


async def test_an_external_id_is_given_once(client: httpx.AsyncClient, catalog: Catalog) -> None:
    first, second = await create(client, external_id="one"), await create(client)
    answer = await client.post("/v1/medias", json={"title": "Film", "external_id": "one"})
    assert (answer.status_code, answer.json()["code"]) == (409, "external_id_taken")
    assert (await patch(client, second, {"external_id": "one"}, 409))["code"] == "external_id_taken"
    await patch(client, first, {"external_id": "one", "title": "Same"})
    await catalog.medias.mark_deleting(UUID(first["id"]))
    assert (await patch(client, second, {"external_id": "one"}))["external_id"] == "one"


async def test_a_media_whose_time_is_up_is_deleted(
    client: httpx.AsyncClient, catalog: Catalog, database: Database, temporal: Client
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    media, stays = (
        await create(client, expires_at=soon, external_id="one"),
        await create(client, expires_at=SAID["expires_at"]),
    )

    async def gone() -> None:
        assert (await client.get(f"/v1/medias/{media['id']}")).status_code == 404
        async with database.session() as session:
            due = text("SELECT due_at FROM media WHERE id = :id")
            assert await session.scalar(due, {"id": media["id"]}) is not None

    await eventually(gone)

    async def is_deleted() -> None:
        workflow = await temporal.get_workflow_handle(f"delete-{media['id']}").describe()
        assert workflow.workflow_type == "DeleteMedia"

    async def begun() -> None:
        try:
            await is_deleted()
        except Exception as error:
            raise AssertionError from error

    await eventually(begun)
    assert (await client.get(f"/v1/medias/{stays['id']}")).status_code == 200
    assert (await create(client, external_id="one"))["id"] != media["id"]


async def policy_of(temporal: Client, media_id: UUID, encoding: int) -> dict[str, Any]:
    handle = temporal.get_workflow_handle(process_media_id(media_id, encoding))
    history = await handle.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    [job] = await temporal.data_converter.decode(started.input.payloads, [ProcessMediaInput])
    return job.policy.model_dump()  # type: ignore[no-any-return]


async def test_a_media_is_encoded_as_it_was_said(client: httpx.AsyncClient, temporal: Client) -> None:
    media = await create(client, encoding={"max_height": 480, "codecs": ["av1"], "preset": "slow"})
    sent = await client.put(f"/v1/medias/{media['id']}/source", content=b"film")
    assert sent.status_code == 202, sent.text
    policy = await policy_of(temporal, UUID(media["id"]), 1)
    assert [(rung["height"], rung["codec"]) for rung in policy["video"]] == [(480, "av1"), (360, "av1")]
    assert policy["preset"] == "slow"


async def test_a_replacement_is_encoded_as_its_media_unless_it_says_otherwise(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media = await ready(catalog, storage)
    await catalog.medias.edit(media.id, options={"max_height": 480, "preset": "slow"})
    answer = await client.post(f"/v1/medias/{media.id}/replacement", json={"max_height": 360})
    assert answer.status_code == 202, answer.text
    policy = await policy_of(temporal, media.id, 2)
    assert ([rung["height"] for rung in policy["video"]], policy["preset"]) == ([360], "slow")
    await client.delete(f"/v1/medias/{media.id}/replacement")
    assert (await client.post(f"/v1/medias/{media.id}/replacement")).status_code == 202
    policy = await policy_of(temporal, media.id, 3)
    assert ([rung["height"] for rung in policy["video"]], policy["preset"]) == ([480, 360], "slow")
    too_many = await client.post(
        f"/v1/medias/{uuid4()}/replacement", json={"codecs": ["h264", "hevc", "av1", "vp9"], "max_height": 99}
    )
    assert too_many.status_code == 404
