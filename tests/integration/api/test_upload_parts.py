"""Files whose parts go straight to the bucket: by signed URLs, without their bytes coming through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from gilfoyle.catalog import Catalog, Database, MediaStatus, UploadSession
from gilfoyle.catalog.models import now
from gilfoyle.config import LimitSettings, S3Settings, Settings, StorageSettings
from gilfoyle.storage import Storage, keys, open_storage
from tests.integration.api.calling import calling
from tests.integration.api.conftest import ROOMY_LIMIT, eventually
from tests.integration.api.uploading import TUS, ordered, path_of

FILM = Random(1).randbytes((11 << 20) + 1)
PARTS = [FILM[: 5 << 20], FILM[5 << 20 : 10 << 20], FILM[10 << 20 :]]
APP = "https://app.example"


@pytest.fixture
def in_s3(settings: Settings, s3_settings: S3Settings) -> Settings:
    storage = StorageSettings(driver="s3", s3=s3_settings)
    return settings.model_copy(update={"storage": storage, "limits": LimitSettings(upload_bytes=ROOMY_LIMIT)})


@pytest.fixture
async def s3_client(in_s3: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(in_s3) as client:
        yield client


@pytest.fixture
async def bucket(in_s3: Settings) -> AsyncIterator[Storage]:
    storage = open_storage(in_s3.storage)
    yield storage
    await storage.close()


def below(url: str, place: str = "") -> str:
    """A path below that of an upload, with its token."""
    path, _, query = path_of(url).partition("?")
    return f"{path}/parts{place}?{query}"


async def begun(client: httpx.AsyncClient, url: str, length: int = len(FILM)) -> dict[str, Any]:
    answer = await client.post(below(url), json={"length": length, "file_name": "a.mp4", "media_type": "video/mp4"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def signed(client: httpx.AsyncClient, url: str, first: int, last: int) -> list[dict[str, Any]]:
    answer = await client.post(below(url, "/urls"), json={"first": first, "last": last})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def put(url: str, data: bytes) -> int:
    async with httpx.AsyncClient() as straight:
        return (await straight.put(url, content=data)).status_code


async def test_parts_go_straight_to_the_bucket(s3_client: httpx.AsyncClient, catalog: Catalog, bucket: Storage) -> None:
    order = await ordered(s3_client, media={"title": "Holiday"})
    url = order["url"]
    parts = await begun(s3_client, url)
    assert (parts["part_bytes"], parts["count"], parts["arrived"]) == (5 << 20, 3, [])
    urls = await signed(s3_client, url, 1, 3)
    assert [(each["number"], each["bytes"]) for each in urls] == [(1, 5 << 20), (2, 5 << 20), (3, (1 << 20) + 1)]
    for number in (3, 1):
        assert await put(urls[number - 1]["url"], PARTS[number - 1]) == 200

    answer = await s3_client.post(below(url, "/complete"))
    assert (answer.status_code, answer.json()["code"]) == (409, "parts_missing")
    assert "1 of 3 parts have not arrived, or not with their size: 2." in answer.json()["message"]
    # A page that was closed goes on: it is told what the bucket has.
    again = await begun(s3_client, url)
    assert [each["number"] for each in again["arrived"]] == [1, 3]
    assert (await s3_client.get(below(url))).json()["data"]["arrived"] == again["arrived"]
    (missing,) = await signed(s3_client, url, 2, 2)
    assert await put(missing["url"], PARTS[1]) == 200

    answer = await s3_client.post(below(url, "/complete"))
    assert answer.status_code == 202, answer.text
    done = answer.json()["data"]
    assert (done["status"], done["length"], done["media_type"]) == ("asset_created", len(FILM), "video/mp4")
    media = await catalog.medias.get(done["media_id"])
    assert (media.title, media.status, media.source_bytes) == ("Holiday", MediaStatus.PROCESSING, len(FILM))
    assert (media.file_name, media.source_sha256) == ("a.mp4", None)
    assert await bucket.read(keys.source(media.id)) == FILM
    assert [write async for write in bucket.unfinished()] == []
    assert (await s3_client.post(below(url, "/complete"))).status_code == 202, "its answer may have been lost"
    assert await put(missing["url"], PARTS[1]) == 404, "its URLs are good for nothing more"


async def test_a_body_of_another_length_is_refused_by_the_bucket(s3_client: httpx.AsyncClient) -> None:
    url = (await ordered(s3_client))["url"]
    await begun(s3_client, url)
    (first,) = await signed(s3_client, url, 1, 1)
    for wrong in (FILM, PARTS[0][:-1], b""):
        assert await put(first["url"], wrong) == 403
    assert (await s3_client.get(below(url))).json()["data"]["arrived"] == []


async def test_what_was_cancelled_leaves_nothing(s3_client: httpx.AsyncClient, bucket: Storage) -> None:
    url = (await ordered(s3_client))["url"]
    await begun(s3_client, url)
    (first,) = await signed(s3_client, url, 1, 1)
    assert await put(first["url"], PARTS[0]) == 200
    assert [write.size async for write in bucket.unfinished()] == [5 << 20]
    assert (await s3_client.delete(path_of(url))).status_code == 204
    assert [write async for write in bucket.unfinished()] == []
    assert await put(first["url"], PARTS[0]) == 404
    for answer in (
        await s3_client.get(below(url)),
        await s3_client.post(below(url), json={"length": 5}),
        await s3_client.post(below(url, "/urls"), json={"first": 1, "last": 1}),
        await s3_client.post(below(url, "/complete")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")


async def test_it_expires_when_no_part_comes_any_more(
    s3_client: httpx.AsyncClient, database: Database, bucket: Storage
) -> None:
    """What comes past the API counts as well."""
    silent, busy = await ordered(s3_client, ttl_s=60), await ordered(s3_client, ttl_s=3600)
    for order in (silent, busy):
        await begun(s3_client, order["url"])
        (first,) = await signed(s3_client, order["url"], 1, 1)
        assert await put(first["url"], PARTS[0]) == 200
    async with database.session() as session:
        late = {"expires_at": now() - timedelta(seconds=1)}
        await session.execute(update(UploadSession).values(**late))
        mine = col(UploadSession.id) == silent["id"]
        await session.execute(update(UploadSession).where(mine).values(ttl_s=0))

    async def is_over() -> None:
        shown = [(await s3_client.get(path_of(each["url"]))).json()["data"] for each in (silent, busy)]
        assert [each["status"] for each in shown] == ["timed_out", "uploading"]
        assert shown[1]["expires_at"] > now().isoformat()

    await eventually(is_over, 20)
    assert [write.size async for write in bucket.unfinished()] == [5 << 20]


async def test_what_is_complete_is_accepted_though_nobody_says_so(
    s3_client: httpx.AsyncClient, database: Database, bucket: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("killed")

    url = (await ordered(s3_client, length=3))["url"]
    await begun(s3_client, url, 3)
    (only,) = await signed(s3_client, url, 1, 1)
    assert await put(only["url"], b"abc") == 200
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.catalog.uploads.Uploads.accept", dies)
        assert (await s3_client.post(below(url, "/complete"))).status_code == 500
    answer = await s3_client.post(below(url, "/complete"))
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "asset_created")
    assert await bucket.read(keys.source(answer.json()["data"]["media_id"])) == b"abc"


async def test_what_is_wrong_is_refused(s3_client: httpx.AsyncClient, bucket: Storage) -> None:
    url = (await ordered(s3_client, max_bytes=20 << 20))["url"]
    refused: list[tuple[str, dict[str, Any], int, str]] = [
        ("", {}, 400, "invalid_request"),
        ("", {"length": 0}, 400, "invalid_request"),
        ("", {"length": (20 << 20) + 1}, 413, "too_large"),
        ("", {"length": 5, "etag": "x"}, 400, "invalid_request"),
        ("/urls", {"first": 1, "last": 1}, 409, "parts_not_begun"),
        ("/complete", {}, 409, "parts_not_begun"),
    ]
    for place, body, status, code in refused:
        answer = await s3_client.post(below(url, place), json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await s3_client.get(below(url))).json()["code"] == "parts_not_begun"
    assert (await s3_client.get(path_of(url))).json()["data"]["media_id"] is None

    await begun(s3_client, url)
    for body in ({"first": 0, "last": 1}, {"first": 2, "last": 1}, {"first": 1, "last": 4}, {"first": 4, "last": 4}):
        answer = await s3_client.post(below(url, "/urls"), json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), body
    answer = await s3_client.post(below(url), json={"length": 7})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    answer = await s3_client.get(below(url).replace("token=", "token=x"))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_bytes_that_came_by_another_way_stay(s3_client: httpx.AsyncClient, bucket: Storage) -> None:
    url = (await ordered(s3_client))["url"]
    part = {**TUS, "Upload-Offset": "0", "Upload-Length": "9", "Content-Type": "application/offset+octet-stream"}
    assert (await s3_client.patch(path_of(url), content=b"begun", headers=part)).status_code == 204
    answer = await s3_client.post(below(url), json={"length": 9})
    assert (answer.status_code, answer.json()["code"]) == (409, "another_way")
    assert (await s3_client.head(path_of(url), headers=TUS)).headers["Upload-Offset"] == "5"


async def test_a_storage_that_signs_nothing_says_which_ways_there_are(client: httpx.AsyncClient) -> None:
    url = (await ordered(client))["url"]
    for answer in (
        await client.post(below(url), json={"length": 5}),
        await client.get(below(url)),
        await client.post(below(url, "/urls"), json={"first": 1, "last": 1}),
        await client.post(below(url, "/complete")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "no_direct_parts")
        assert "by tus, by PUT or as a form" in answer.json()["message"]
    assert (await client.get(path_of(url))).json()["data"]["status"] == "waiting"


async def test_a_page_of_the_orders_origin_may(s3_client: httpx.AsyncClient) -> None:
    url = (await ordered(s3_client, cors_origin=APP))["url"]
    for origin, allowed in ((APP, APP), ("https://other.example", None)):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        for place in ("", "/urls", "/complete"):
            asked = {
                **headers,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            }
            answer = await s3_client.options(below(url, place), headers=asked)
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        answer = await s3_client.post(below(url), json={"length": 5}, headers=headers)
        assert answer.status_code == (201 if allowed else 403)
