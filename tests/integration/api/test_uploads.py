"""Uploads that a back end orders: what a browser can do with one, and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import update
from sqlmodel import col
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from gilfoyle.activities.events import EventActivities
from gilfoyle.activities.move import MoveActivities, MoveInput
from gilfoyle.catalog import Catalog, Database, Media, MediaStatus, UploadSession
from gilfoyle.catalog.models import now
from gilfoyle.config import AuthSettings, S3Settings, ServerSettings, Settings
from gilfoyle.errors import StorageError
from gilfoyle.storage import FilesystemStorage, Storages, keys
from tests.integration.api.calling import calling
from tests.integration.api.conftest import UPLOAD_LIMIT, eventually
from tests.integration.api.uploading import PART, TUS, arrived_whole, created, offset, ordered, path_of, send

FILM = Random(1).randbytes(3_000_001)
APP = "https://app.example"
CROSS = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}


async def test_its_url_is_all_that_a_browser_needs(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    upload = await ordered(
        client, media={"title": "Holiday", "description": "By the sea"}, max_duration_s=60, file_name="a.mp4"
    )
    assert (upload["status"], upload["media_id"]) == ("waiting", None)
    assert upload["url"] == f"http://localhost/v1/uploads/{upload['id']}?token={upload['token']}"
    path = path_of(upload["url"])
    answer = await client.put(path, content=FILM)
    assert answer.status_code == 202
    done = answer.json()["data"]
    assert (done["status"], done["token"]) == ("asset_created", None)
    media = await arrived_whole(client, storage, catalog, path, FILM)
    assert (media["title"], media["description"], media["file_name"]) == ("Holiday", "By the sea", "a.mp4")
    workflow = await temporal.get_workflow_handle(f"media-{done['media_id']}-1").describe()
    assert workflow.workflow_type == "ProcessMedia"
    assert (await catalog.medias.get(done["media_id"])).duration_limit_s == 60
    again = await client.put(path, content=FILM)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_it_is_told_what_becomes_of_it(client: httpx.AsyncClient, catalog: Catalog) -> None:
    upload, other = await ordered(client), await ordered(client)
    assert (await client.put(path_of(upload["url"]), content=FILM)).status_code == 202
    assert (await client.delete(path_of(other["url"]))).status_code == 204
    events = await catalog.events.page(0, 100)
    told = [(event.type, event.data["upload_id"]) for event in events if event.type.startswith("upload.")]
    assert told == [
        ("upload.created", upload["id"]),
        ("upload.created", other["id"]),
        ("upload.asset_created", upload["id"]),
        ("upload.cancelled", other["id"]),
    ]
    types = [event.type for event in events]
    assert types.index("media.created") < types.index("media.uploaded") <= types.index("upload.asset_created") + 1


async def test_an_external_id_that_is_taken_is_refused_at_once(client: httpx.AsyncClient, catalog: Catalog) -> None:
    first, second = await ordered(client, media={"external_id": "a"}), await ordered(client, media={"external_id": "a"})
    said = {
        "title": "Holiday",
        "external_id": "b",
        "metadata": {"lesson": 7},
        "tags": ["x"],
        "encoding": {"preset": "fast"},
    }
    done = await client.put(path_of((await ordered(client, media=said))["url"]), content=FILM)
    media = (await client.get(f"/v1/medias/{done.json()['data']['media_id']}")).json()["data"]
    assert {name: media[name] for name in ("title", "external_id", "metadata", "tags")} == {
        name: said[name] for name in ("title", "external_id", "metadata", "tags")
    }
    assert (await client.put(path_of(first["url"]), content=FILM)).status_code == 202
    for answer in (
        await client.post("/v1/uploads", json={"media": {"external_id": "a"}}),
        await client.put(path_of(second["url"]), content=FILM),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "external_id_taken")


async def test_it_takes_a_form(client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage) -> None:
    path = path_of((await ordered(client))["url"])
    answer = await client.post(path, files={"file": ("film.mp4", FILM)})
    assert answer.status_code == 202
    media = await arrived_whole(client, storage, catalog, path, FILM)
    assert (media["title"], media["file_name"]) == ("film.mp4", "film.mp4")


async def test_it_takes_a_body_in_parts(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    path = path_of((await ordered(client))["url"])
    answer = await client.put(
        path, content=FILM[:1000], headers={"Content-Range": f"bytes 0-999/{len(FILM)}"}, params={"file_name": "f.mp4"}
    )
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (308, "1000")
    answer = await client.put(
        path, content=FILM[1000:], headers={"Content-Range": f"bytes 1000-{len(FILM) - 1}/{len(FILM)}"}
    )
    assert answer.status_code == 202
    await arrived_whole(client, storage, catalog, path, FILM)


async def test_a_client_of_tus_may_create_it_once_more(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    """Such clients know an endpoint, and ask it where the file goes: it is the same URL."""
    upload = await ordered(client, media={"title": "Ordered"})
    path = path_of(upload["url"])
    answer = await client.post(path, headers={**TUS, "Upload-Length": str(len(FILM)), "Upload-Metadata": "title WA=="})
    assert (answer.status_code, answer.headers["Location"]) == (201, upload["url"])
    other = await client.post(path, headers={**TUS, "Upload-Length": "5"})
    assert (other.status_code, other.json()["code"]) == (400, "invalid_request")
    assert (await send(client, path, 0, FILM)).status_code == 204
    media = await arrived_whole(client, storage, catalog, path, FILM)
    assert media["title"] == "Ordered", "what the browser says does not change what was ordered"


async def test_a_token_is_for_one_upload(client: httpx.AsyncClient) -> None:
    one, other = await ordered(client), await ordered(client)
    for token in (other["token"], "upload_x", "x"):
        path = f"/v1/uploads/{one['id']}?token={token}"
        for answer in (await client.put(path, content=b"x"), await client.get(path), await send(client, path, 0, b"x")):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    bearer = {"Authorization": f"Bearer {one['token']}"}
    assert (await client.get(f"/v1/uploads/{one['id']}", headers=bearer)).status_code == 200
    bearer = {"Authorization": f"Bearer {other['token']}"}
    assert (await client.get(f"/v1/uploads/{one['id']}", headers=bearer)).status_code == 403


async def test_a_token_is_not_kept(client: httpx.AsyncClient, catalog: Catalog) -> None:
    upload = await ordered(client)
    row = await catalog.upload_sessions.get(upload["id"])
    assert upload["token"] not in str(row.model_dump())
    assert (await client.get(f"/v1/uploads/{upload['id']}")).json()["data"]["token"] is None


async def test_it_has_limits_of_its_own(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    path = path_of((await ordered(client, max_bytes=1000))["url"])
    for answer in (
        await client.put(path, content=bytes(1001)),
        await client.post(path, headers={**TUS, "Upload-Length": "1001"}),
        await send(client, path, 0, bytes(1001)),
        await client.post("/v1/uploads", json={"length": 1001, "max_bytes": 1000}),
        await client.post("/v1/uploads", json={"length": UPLOAD_LIMIT + 1}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (await client.put(path, content=bytes(1000))).status_code == 202


WRONG: list[dict[str, Any]] = [
    {"max_bytes": 0}, {"max_bytes": -1}, {"length": 0}, {"length": 2**60}, {"max_duration_s": 0}, {"ttl_s": 1},
    {"ttl_s": 10**9}, {"cors_origin": "example.org"}, {"cors_origin": "https://a.example/path"}, {"kind": "video"},
    {"media": {"title": ""}}, {"media": {"size": 5}}, {"replace": True}, {"unknown": 1}, {"file_name": ""},
    {"media": {"title": "x"}, "media_id": "0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11"},
]  # fmt: skip


@pytest.mark.parametrize("body", WRONG, ids=str)
async def test_what_can_not_be_ordered(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/uploads", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["fields"]


async def test_it_brings_a_media_its_source(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    assert (await client.post("/v1/uploads", json={"media_id": str(uuid4())})).status_code == 404
    media = await catalog.medias.create("Film")
    upload = await ordered(client, media_id=str(media.id), kind="audio")
    assert upload["media_id"] == str(media.id)
    assert (await client.put(path_of(upload["url"]), content=FILM)).status_code == 202
    found = await catalog.medias.get(media.id)
    assert (found.title, found.status, found.audio_only) == ("Film", MediaStatus.PROCESSING, True)
    answer = await client.post("/v1/uploads", json={"media_id": str(media.id)})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_it_replaces_a_source(client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage) -> None:
    media = await catalog.medias.create("Film")
    await catalog.uploads.accept(media.id, kind=None, file_name="a", size=3, sha256="0" * 64)
    await catalog.encodings.finish(media.id, 1)
    assert (await client.post("/v1/uploads", json={"media_id": str(media.id)})).status_code == 409
    cancelled = path_of((await ordered(client, media_id=str(media.id), replace=True))["url"])
    assert (await send(client, cancelled, 0, b"x")).status_code == 204
    assert (await client.delete(cancelled)).status_code == 204
    assert [write async for write in storage.unfinished()] == []
    path = path_of((await ordered(client, media_id=str(media.id), replace=True))["url"])
    assert (await client.put(path, content=FILM)).status_code == 202
    assert (await catalog.medias.get(media.id)).status == MediaStatus.READY
    replacement = await catalog.replacements.of(media.id)
    assert replacement and replacement.source_bytes == len(FILM)
    assert await storage.read(keys.source(media.id, 2)) == FILM


async def test_uploads_are_listed(client: httpx.AsyncClient) -> None:
    first, second = await ordered(client), await ordered(client)
    await client.delete(f"/v1/uploads/{first['id']}")
    listed = (await client.get("/v1/uploads")).json()
    assert [each["id"] for each in listed["data"]] == [second["id"], first["id"]]
    assert listed["metadata"]["total"] == 2
    found = (await client.get("/v1/uploads", params={"status": "cancelled"})).json()["data"]
    assert [each["id"] for each in found] == [first["id"]]
    assert (await client.get("/v1/uploads", params={"status": "lost"})).status_code == 400


async def expire(database: Database, upload_id: str) -> None:
    late = update(UploadSession).where(col(UploadSession.id) == upload_id)
    async with database.session() as session:
        await session.execute(late.values(expires_at=now() - timedelta(seconds=1)))


async def test_it_times_out_and_what_has_arrived_goes(
    client: httpx.AsyncClient, database: Database, catalog: Catalog, storage: FilesystemStorage
) -> None:
    waiting, begun = await ordered(client), await ordered(client)
    path = path_of(begun["url"])
    answer = await send(client, path, 0, b"begun")
    assert answer.status_code == 204
    media_id = (await client.get(path)).json()["data"]["media_id"]
    for upload in (waiting, begun):
        await expire(database, upload["id"])

    async def are_over() -> None:
        for upload in (waiting, begun):
            shown = (await client.get(f"/v1/uploads/{upload['id']}")).json()["data"]
            assert shown["status"] == "timed_out"

    await eventually(are_over, 20)
    assert (await client.head(path, headers=TUS)).status_code == 410
    assert (await client.put(path, content=FILM)).status_code == 410
    assert (await client.get(f"/v1/medias/{media_id}")).status_code == 404
    assert [write async for write in storage.unfinished()] == []


async def test_what_has_arrived_whole_is_accepted_though_its_client_is_gone(
    client: httpx.AsyncClient,
    database: Database,
    catalog: Catalog,
    storage: FilesystemStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def dies(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("killed")

    path = await created(client, len(FILM))
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.catalog.uploads.Uploads.accept", dies)
        assert (await send(client, path, 0, FILM)).status_code == 500
    await expire(database, path.rsplit("/", 1)[-1])

    async def is_accepted() -> None:
        assert (await client.get(path)).json()["data"]["status"] == "asset_created"

    await eventually(is_accepted, 20)
    await arrived_whole(client, storage, catalog, path, FILM)


async def test_a_storage_that_fails_keeps_nothing_else_from_being_seen_to(
    client: httpx.AsyncClient, database: Database, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_arguments: object, **_named: object) -> None:
        raise StorageError("The storage is away.")

    waiting, begun = await ordered(client), await ordered(client)
    path = path_of(begun["url"])
    assert (await send(client, path, 0, b"begun")).status_code == 204
    media = await catalog.medias.create("Deleted")
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.ingest.acceptance.Ingest.arrived", fails)
        for upload in (waiting, begun):
            await expire(database, upload["id"])
        await catalog.medias.mark_deleting(media.id)
        async with database.session() as session:
            await session.execute(update(Media).where(col(Media.id) == media.id).values(due_at=now()))

        async def is_seen_to() -> None:
            assert (await client.get(f"/v1/uploads/{waiting['id']}")).json()["data"]["status"] == "timed_out"
            due_at = (await catalog.medias.source(media.id)).due_at
            assert due_at and due_at > now(), "it was looked at, and is due again later"

        await eventually(is_seen_to, 20)
        assert (await client.get(path)).json()["data"]["status"] == "uploading"

    async def is_over() -> None:
        assert (await client.get(path)).json()["data"]["status"] == "timed_out"

    await eventually(is_over, 20)


async def test_what_is_cancelled_is_cancelled_though_the_storage_fails(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_arguments: object, **_named: object) -> None:
        raise StorageError("The storage is away.")

    path = path_of((await ordered(client))["url"])
    assert (await send(client, path, 0, b"begun")).status_code == 204
    monkeypatch.setattr("gilfoyle.ingest.acceptance.Ingest.drop", fails)
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["data"]["status"] == "cancelled"


async def test_each_part_gives_it_its_time_again(client: httpx.AsyncClient) -> None:
    path = path_of((await ordered(client, ttl_s=60))["url"])
    before = datetime.fromisoformat((await client.get(path)).json()["data"]["expires_at"])
    answer = await send(client, path, 0, b"x")
    assert answer.headers["Upload-Expires"].endswith(" GMT")
    assert datetime.fromisoformat((await client.get(path)).json()["data"]["expires_at"]) > before


async def preflight(client: httpx.AsyncClient, path: str, method: str = "PATCH") -> str | None:
    asked = {"Origin": APP, "Access-Control-Request-Method": method}
    answer = await client.options(path, headers={**asked, "Access-Control-Request-Headers": "tus-resumable"})
    return answer.headers.get("Access-Control-Allow-Origin")


async def test_pages_upload_from_where_the_order_says(settings: Settings, catalog: Catalog) -> None:
    strict = settings.model_copy(update={"server": ServerSettings(port=0, cors_origins=["https://other.example"])})
    async with calling(strict) as client:
        mine = path_of((await ordered(client, cors_origin=APP))["url"])
        anyones = path_of((await ordered(client))["url"])
        assert await preflight(client, mine) == APP
        assert await preflight(client, anyones) is None
        answer = await send(client, mine, 0, b"x", **CROSS)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, APP)
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"Upload-Offset", "Location", "Tus-Resumable", "Upload-Expires"} <= {*exposed.split(", ")}
        assert (await send(client, anyones, 0, b"x", **CROSS)).status_code == 403
        without = mine.partition("?")[0]
        for answer in (
            await send(client, without, 1, b"x", **CROSS),
            await client.delete(without, headers=CROSS),
            await client.post("/v1/uploads", json={}, headers=CROSS),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        gone = await client.get(
            f"/v1/uploads/{uuid4().hex}?token=upload_x", headers={"Origin": "https://other.example"}
        )
        assert gone.headers["Access-Control-Allow-Origin"] == "https://other.example", "its page can read why"


async def test_by_default_whoever_has_a_token_may_upload_from_any_page(client: httpx.AsyncClient) -> None:
    path = path_of((await ordered(client))["url"])
    assert await preflight(client, path) == "*"
    assert (await client.post(path, headers={**PART, "Upload-Length": "1", **CROSS}, content=b"x")).status_code == 201


async def test_where_keys_are_asked_for_a_token_is_enough(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    auth = AuthSettings(enabled=True, admin_key=SecretStr("an-admin-key-of-the-settings"))
    key = {"Authorization": "Bearer an-admin-key-of-the-settings"}
    async with calling(settings.model_copy(update={"auth": auth})) as client:
        assert (await client.post("/v1/uploads", json={})).status_code == 401
        assert (await client.post("/v1/uploads", headers={**TUS, "Upload-Length": "5"})).status_code == 401
        assert (await client.get("/v1/uploads")).status_code == 401
        upload = (await client.post("/v1/uploads", json={}, headers=key)).json()["data"]
        other = (await client.post("/v1/uploads", json={}, headers=key)).json()["data"]
        without, path = f"/v1/uploads/{upload['id']}", path_of(upload["url"])
        for answer in (
            await client.get(without),
            await client.put(without, content=b"x"),
            await client.delete(without),
        ):
            assert answer.status_code == 401
        assert (await client.get(f"{without}?token={other['token']}")).status_code == 403
        assert (
            await client.get("/v1/uploads", headers={"Authorization": f"Bearer {upload['token']}"})
        ).status_code == 401
        bearer = {"Authorization": f"Bearer {upload['token']}"}
        assert (
            await send(client, without, 0, FILM[:5], **{**bearer, "Upload-Length": str(len(FILM))})
        ).status_code == 204
        assert (await client.head(path, headers=TUS)).headers["Upload-Offset"] == "5"
        assert (await send(client, path, 5, FILM[5:])).status_code == 204
        assert (await client.get(without, headers=key)).json()["data"]["status"] == "asset_created"


async def test_an_upload_goes_on_after_a_switch_of_storages_and_begins_anew_after_a_move(
    settings: Settings, s3_settings: S3Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    async with calling(settings) as client:
        paths = [path_of((await ordered(client))["url"]) for _ in range(2)]
        for path in paths:
            assert (await send(client, path, 0, FILM[:5], **{"Upload-Length": str(len(FILM))})).status_code == 204
    switched = settings.storage.model_copy(update={"driver": "s3", "s3": s3_settings})
    async with calling(settings.model_copy(update={"storage": switched})) as client:
        stays, moves = paths
        assert [await offset(client, path) for path in paths] == [5, 5]
        media = await catalog.medias.get((await client.get(moves)).json()["data"]["media_id"])
        storages = Storages(switched)
        job = MoveInput(media_id=media.id, source="filesystem", target="s3")
        moved = await ActivityEnvironment().run(MoveActivities(storages, catalog).move, job)
        assert moved.outcome == "moved"
        assert len([write async for write in storage.unfinished()]) == 1
        answer = await send(client, moves, 5, FILM[5:])
        assert (answer.status_code, answer.json()["code"], answer.headers["Upload-Offset"]) == (
            409,
            "wrong_offset",
            "0",
        )
        assert await offset(client, moves) == 0
        assert (await send(client, moves, 0, FILM)).status_code == 204
        await arrived_whole(client, await storages.of("s3"), catalog, moves, FILM)
        await storages.close()

        assert (await send(client, stays, 5, FILM[5:])).status_code == 204
        await arrived_whole(client, storage, catalog, stays, FILM)


async def test_those_that_have_ended_are_forgotten(
    client: httpx.AsyncClient, database: Database, catalog: Catalog
) -> None:
    done, cancelled, waiting, late = [path_of((await ordered(client))["url"]) for _ in range(4)]
    media_id = (await client.put(done, content=FILM)).json()["data"]["media_id"]
    for path in (cancelled, late):
        assert (await client.delete(path)).status_code == 204
    kept = col(UploadSession.id) != late.partition("?")[0].rpartition("/")[2]
    async with database.session() as session:
        await session.execute(update(UploadSession).where(kept).values(updated_at=now() - timedelta(days=31)))
    assert await ActivityEnvironment().run(EventActivities(catalog, 30, 30).forget_events) == 2
    statuses = [(await client.get(path)).status_code for path in (done, cancelled, waiting, late)]
    assert statuses == [404, 404, 200, 200]
    assert (await client.get(f"/v1/medias/{media_id}")).status_code == 200
