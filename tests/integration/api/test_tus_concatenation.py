"""tus' concatenation: partial uploads, side by side, and the final one that is made of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from gilfoyle.catalog import Catalog, Database, UploadSession
from gilfoyle.catalog.models import now
from gilfoyle.config import S3Settings, Settings
from gilfoyle.errors import StorageError
from gilfoyle.storage import FilesystemStorage, Storage, Storages, keys
from gilfoyle.sweep.survey import Backend
from tests.integration.api.calling import calling
from tests.integration.api.conftest import UPLOAD_LIMIT, eventually
from tests.integration.api.uploading import PART, TUS, arrived_whole, metadata, offset, ordered, path_of, send

FILM = Random(2).randbytes((7 << 20) + 1)
THIRDS = [FILM[:3_000_000], FILM[3_000_000:3_000_010], FILM[3_000_010:]]


@pytest.fixture
async def keeping(kept_in: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """On each storage."""
    async with calling(kept_in) as client:
        yield client


async def partial(client: httpx.AsyncClient, data: bytes, at: str = "/v1/uploads") -> str:
    """The path of a partial upload that is whole."""
    path = await empty(client, len(data), at)
    assert (await send(client, path, 0, data)).status_code == 204
    return path


async def empty(client: httpx.AsyncClient, length: int, at: str = "/v1/uploads") -> str:
    answer = await client.post(at, headers={**TUS, "Upload-Concat": "partial", "Upload-Length": str(length)})
    assert answer.status_code == 201, answer.text
    return path_of(answer.headers["Location"])


async def final(client: httpx.AsyncClient, parts: list[str], at: str = "/v1/uploads", **more: str) -> httpx.Response:
    urls = " ".join(f"http://localhost{part}" for part in parts)
    return await client.post(at, headers={**TUS, "Upload-Concat": f"final;{urls}", **more})


async def test_a_file_is_made_of_partial_uploads(keeping: httpx.AsyncClient, kept: Storage, catalog: Catalog) -> None:
    assert "concatenation" in (await keeping.options("/v1/uploads")).headers["Tus-Extension"].split(",")
    paths = await asyncio.gather(*(empty(keeping, len(third)) for third in THIRDS))
    # Side by side, the last one in two requests.
    ends = [send(keeping, path, 0, third[:2_500_000]) for path, third in zip(paths, THIRDS, strict=True)]
    assert {answer.status_code for answer in await asyncio.gather(*ends)} == {204}
    for number in (0, 2):
        assert await offset(keeping, paths[number]) == 2_500_000
        await send(keeping, paths[number], 2_500_000, THIRDS[number][2_500_000:])
    head = await keeping.head(paths[1], headers=TUS)
    assert (head.headers["Upload-Concat"], head.headers["Upload-Offset"]) == ("partial", "10")
    assert (await keeping.get("/v1/medias")).json()["data"] == [], "they are no medias"
    assert (await keeping.get("/v1/uploads")).json()["data"] == []

    answer = await final(keeping, [*paths], **metadata(filename="film.mp4", title="Film"))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"] == str(len(FILM))
    path = path_of(answer.headers["Location"])
    media = await arrived_whole(keeping, kept, catalog, path, FILM)
    assert (media["title"], media["file_name"]) == ("Film", "film.mp4")
    head = await keeping.head(path, headers=TUS)
    assert head.headers["Upload-Concat"] == f"final;{' '.join(paths)}"
    assert head.headers["Upload-Offset"] == str(len(FILM))
    answer = await send(keeping, path, len(FILM), b"x")
    assert (answer.status_code, answer.json()["code"]) == (403, "final_upload")
    assert [name async for name in kept.folders()] == [media["id"]], "nothing is left of the parts"


async def test_a_browser_does_it_with_the_token_of_an_order(
    client: httpx.AsyncClient, storage: FilesystemStorage, catalog: Catalog
) -> None:
    order = await ordered(client, media={"title": "Ordered"}, cors_origin="https://app.example")
    url = path_of(order["url"])
    paths = [await partial(client, third, url) for third in THIRDS]
    assert all(path.endswith(f"?token={order['token']}") for path in paths)
    stranger = await partial(client, b"stranger")
    answer = await final(client, [*paths, stranger], url)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    answer = await final(client, paths, url, **metadata(filename="film.mp4"))
    assert (answer.status_code, answer.headers["Location"]) == (201, order["url"])
    await client.delete(stranger, headers=TUS)
    media = await arrived_whole(client, storage, catalog, url, FILM)
    assert (media["title"], media["file_name"]) == ("Ordered", "film.mp4")
    types = [event.type for event in await catalog.events.page(0, 100) if event.type.startswith("upload.")]
    assert types == ["upload.created", "upload.asset_created"], "of partial uploads nobody is told"


async def test_parts_of_an_order_count_against_its_limit(client: httpx.AsyncClient) -> None:
    url = path_of((await ordered(client, max_bytes=10))["url"])
    first = await partial(client, b"1234567", url)
    headers = {**TUS, "Upload-Concat": "partial", "Upload-Length": "4"}
    answer = await client.post(url, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    await client.delete(first, headers=TUS)
    assert (await client.post(url, headers=headers)).status_code == 201
    headers["Upload-Length"] = str(UPLOAD_LIMIT + 1)
    assert (await client.post("/v1/uploads", headers=headers)).status_code == 413
    halves = [await partial(client, bytes(UPLOAD_LIMIT - 1)), await partial(client, bytes(2))]
    answer = await final(client, halves)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_what_is_wrong_is_refused(client: httpx.AsyncClient) -> None:
    whole, half = await partial(client, b"whole"), await empty(client, 5)
    other = path_of((await client.post("/v1/uploads", headers={**TUS, "Upload-Length": "5"})).headers["Location"])
    concat = {**TUS, "Upload-Concat": "partial"}
    for answer, status, code in (
        (await final(client, [whole, half]), 409, "partial_unfinished"),
        (await final(client, [whole, other]), 400, "invalid_request"),
        (await final(client, [whole, whole]), 400, "invalid_request"),
        (await final(client, [whole, "/v1/uploads/none"]), 404, "not_found"),
        (await final(client, ["/elsewhere"]), 400, "invalid_request"),
        (await final(client, [whole], **{"Upload-Length": "5"}), 400, "invalid_request"),
        (await client.post("/v1/uploads", headers={**TUS, "Upload-Concat": "half"}), 400, "invalid_request"),
        (await client.post("/v1/uploads", headers={**concat, "Upload-Defer-Length": "1"}), 400, "invalid_request"),
        (await client.post("/v1/uploads", headers={"Upload-Concat": "partial"}), 412, "precondition_failed"),
        (await client.post(whole, headers={**concat, "Upload-Length": "5"}), 409, "partial_upload"),
        (await client.put(half, content=b"whole"), 409, "partial_upload"),
        (await client.post(half, files={"file": ("a.mp4", b"x")}), 409, "partial_upload"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await client.get("/v1/medias")).json()["data"] == []


async def test_what_fails_may_be_tried_again(
    client: httpx.AsyncClient, storage: FilesystemStorage, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_arguments: object, **_named: object) -> None:
        raise StorageError("The disk is full.")

    url = path_of((await ordered(client))["url"])
    for at in ("/v1/uploads", url):
        paths = [await partial(client, third, at) for third in THIRDS]
        with monkeypatch.context() as broken:
            broken.setattr(FilesystemStorage, "concatenate", fails)
            answer = await final(client, paths, at)
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
        answer = await final(client, paths, at)
        assert answer.status_code == 201, answer.text
        await arrived_whole(client, storage, catalog, path_of(answer.headers["Location"]), FILM)
    found = (await client.get("/v1/uploads")).json()["data"]
    assert sorted(each["status"] for each in found) == ["asset_created", "asset_created", "errored"]


async def test_one_whose_server_died_before_it_was_accepted_is(
    client: httpx.AsyncClient, storage: FilesystemStorage, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("killed")

    url = path_of((await ordered(client))["url"])
    paths = [await partial(client, third, url) for third in THIRDS]
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.catalog.uploads.Uploads.accept", dies)
        assert (await final(client, paths, url)).status_code == 500
    assert await offset(client, url) == len(FILM)
    await arrived_whole(client, storage, catalog, url, FILM)


async def test_what_is_not_completed_goes(
    client: httpx.AsyncClient, database: Database, catalog: Catalog, storage: FilesystemStorage
) -> None:
    """With the order that it is for, when that is cancelled; or when its own time is over."""
    order = path_of((await ordered(client))["url"])
    of_order, alone = await partial(client, b"of order", order), await partial(client, b"alone")
    begun = await empty(client, 5, order)
    assert (await send(client, begun, 0, b"beg")).status_code == 204
    assert (await client.delete(order)).status_code == 204
    for path in (of_order, begun):
        assert (await client.head(path, headers=TUS)).status_code == 410
    lone = await catalog.upload_sessions.get(alone.rpartition("/")[2])
    assert [name async for name in storage.folders()] == [str(lone.object_id)]
    assert [write async for write in storage.unfinished()] == []
    async with database.session() as session:
        late = update(UploadSession).where(col(UploadSession.id) == lone.id)
        await session.execute(late.values(expires_at=now() - timedelta(seconds=1)))

    async def is_over() -> None:
        assert (await client.head(alone, headers=TUS)).status_code == 410
        assert [name async for name in storage.folders()] == []

    await eventually(is_over, 20)


async def test_one_request_at_a_time_brings_bytes(client: httpx.AsyncClient, catalog: Catalog) -> None:
    path = await empty(client, 5)
    upload_id = path.rpartition("/")[2]
    held = await catalog.partials.lease(upload_id, 30)
    answer = await send(client, path, 0, b"bytes")
    assert (answer.status_code, answer.json()["code"]) == (423, "locked")
    await catalog.partials.release(upload_id, held)
    assert (await send(client, path, 0, b"bytes")).status_code == 204


async def test_one_that_is_cancelled_while_bytes_come_leaves_nothing(
    live: httpx.AsyncClient, storage: FilesystemStorage
) -> None:
    path = await empty(live, 4 << 20)
    waiting = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(2 << 20)
        await waiting.wait()
        yield bytes(2 << 20)

    sending = asyncio.create_task(live.patch(path, content=body(), headers={**PART, "Upload-Offset": "0"}))

    async def has_come() -> None:
        assert [write.size async for write in storage.unfinished()] not in ([], [0])

    await eventually(has_come)
    assert (await live.delete(path, headers=TUS)).status_code == 204
    waiting.set()
    answer = await sending
    assert answer.status_code in (404, 409, 410), answer.text

    async def is_gone() -> None:
        assert [write async for write in storage.unfinished()] == []

    await eventually(is_gone)


async def test_the_sweep_leaves_those_alone_that_may_go_on(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    whole, begun = await partial(client, b"whole"), await empty(client, 5)
    assert (await send(client, begun, 0, b"beg")).status_code == 204

    async def not_moving() -> bool:
        return False

    async def found() -> list[str]:
        survey = await Backend("filesystem", storage, catalog, -120, not_moving).survey()
        return sorted(orphan.key for orphan in survey.orphans)

    assert await found() == []
    upload = await catalog.upload_sessions.get(whole.rpartition("/")[2])
    key = keys.partial(upload.object_id)
    await client.delete(whole, headers=TUS)
    await storage.write(key, b"as a server that died leaves it")
    assert await found() == [key.partition("/")[0]]


async def test_parts_in_another_storage_are_copied(
    settings: Settings, s3_settings: S3Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    async with calling(settings) as client:
        paths = [await partial(client, third) for third in THIRDS]
    switched = settings.storage.model_copy(update={"driver": "s3", "s3": s3_settings})
    async with calling(settings.model_copy(update={"storage": switched})) as client:
        answer = await final(client, paths)
        assert answer.status_code == 201, answer.text
        storages = Storages(switched)
        bucket = await storages.of("s3")
        await arrived_whole(client, bucket, catalog, path_of(answer.headers["Location"]), FILM)
        assert [name async for name in storage.folders()] == []
        await storages.close()


async def test_a_long_concatenation_holds_its_lease(
    client: httpx.AsyncClient, storage: FilesystemStorage, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FilesystemStorage.concatenate

    async def slow(self: FilesystemStorage, key: str, parts: list[str]) -> object:
        await asyncio.sleep(1)
        return await real(self, key, parts)

    monkeypatch.setattr(FilesystemStorage, "concatenate", slow)
    monkeypatch.setattr("gilfoyle.ingest.acceptance.RESUMED_LEASE_S", 0.4)
    monkeypatch.setattr("gilfoyle.ingest.acceptance.RESUMED_RENEW_S", 0.1)
    url = path_of((await ordered(client))["url"])
    paths = [await partial(client, third, url) for third in THIRDS]
    begun = time.monotonic()
    making = asyncio.create_task(final(client, paths, url))
    await asyncio.sleep(0.6)
    assert (await final(client, paths, url)).status_code == 423
    assert (await making).status_code == 201 and time.monotonic() - begun > 1
    await arrived_whole(client, storage, catalog, url, FILM)
