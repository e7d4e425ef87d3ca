"""tus 1.0 on a folder, S3 and IPFS, through two servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from gilfoyle.catalog import Catalog
from gilfoyle.storage import Storage
from tests.integration.api.conftest import UPLOAD_LIMIT
from tests.integration.api.uploading import (
    PART,
    TUS,
    arrived_whole,
    checksum,
    created,
    cut,
    metadata,
    offset,
    send,
)
from tests.kubo_node import skip_module_without_kubo

skip_module_without_kubo()

FILM = Random(3).randbytes(13_000_007)
SIZE = len(FILM)
on_a_folder = pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)


async def test_cut_ten_times_it_arrives_whole(
    servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog
) -> None:
    rng = Random(5)
    path = await created(servers[0], SIZE, **metadata(filename="film.mp4", filetype="video/mp4"))
    at = 0
    cuts = sorted(rng.sample(range(1000, SIZE - 1000), 10))
    for number, end in enumerate(cuts):
        await cut(servers[number % 2], catalog, path, FILM, at, end)
        arrived = await offset(servers[(number + 1) % 2], path)
        assert at <= arrived <= end
        at = arrived
    assert at > cuts[-3], "what arrives before a cut is kept"
    answer = await send(servers[0], path, at, FILM[at:])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(SIZE))
    media = await arrived_whole(servers[1], kept, catalog, path, FILM)
    assert (media["title"], media["file_name"], media["source_sha256"]) == ("film.mp4", "film.mp4", None)


async def test_a_part_with_another_checksum_is_not_kept(
    servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog
) -> None:
    path = await created(servers[0], SIZE)
    at = 0
    for end, algorithm in ((6_000_000, "sha1"), (6_000_001, "sha256"), (SIZE, "md5")):
        part = FILM[at:end]
        for wrong in (checksum(b"other", algorithm), checksum(part[:-1], algorithm)):
            answer = await send(servers[1], path, at, part, **wrong)
            assert (answer.status_code, answer.json()["code"]) == (460, "part_mismatch")
            assert await offset(servers[0], path) == at
        answer = await send(servers[0], path, at, part, **checksum(part, algorithm))
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(end))
        at = end
    await arrived_whole(servers[0], kept, catalog, path, FILM)


async def test_its_length_may_be_told_last(servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog) -> None:
    path = await created(servers[0], None)
    assert (await servers[0].head(path, headers=TUS)).headers["Upload-Defer-Length"] == "1"
    assert (await send(servers[0], path, 0, FILM[:100])).headers["Upload-Defer-Length"] == "1"
    answer = await send(servers[1], path, 100, FILM[100:], **{"Upload-Length": str(SIZE)})
    assert (answer.status_code, answer.headers["Upload-Length"]) == (204, str(SIZE))
    await arrived_whole(servers[0], kept, catalog, path, FILM)


async def test_bytes_come_with_the_creation(servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog) -> None:
    headers = {**PART, "Upload-Length": str(SIZE), **metadata(filename="naïve.mp4", title="A film")}
    answer = await servers[0].post("/v1/uploads", content=FILM, headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(SIZE))
    path = answer.headers["Location"].removeprefix(str(servers[0].base_url).rstrip("/"))
    media = await arrived_whole(servers[1], kept, catalog, path, FILM)
    assert (media["title"], media["file_name"]) == ("A film", "naïve.mp4")
    assert media["source_sha256"], "it came by one request, so its checksum was taken on the way"


async def test_what_is_ended_is_gone(servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog) -> None:
    path = await created(servers[0], SIZE)
    assert (await send(servers[0], path, 0, FILM[:6_000_000])).status_code == 204
    media_id = (await servers[0].get(path)).json()["data"]["media_id"]
    assert (await servers[1].delete(path, headers=TUS)).status_code == 204
    assert (await servers[0].head(path, headers=TUS)).status_code == 410
    for answer in (await send(servers[0], path, 6_000_000, b"x"), await servers[0].delete(path, headers=TUS)):
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert (await servers[0].get(path)).json()["data"]["status"] == "cancelled"
    assert (await servers[0].get(f"/v1/medias/{media_id}")).status_code == 404
    assert [write async for write in kept.unfinished()] == []


async def test_the_server_says_what_it_can(client: httpx.AsyncClient) -> None:
    for path in ("/v1/uploads", "/v1/uploads/any"):
        answer = await client.options(path)
        assert (answer.status_code, answer.headers["Tus-Version"], answer.headers["Tus-Resumable"]) == (
            204,
            "1.0.0",
            "1.0.0",
        )
        assert {"creation", "checksum", "expiration", "termination"} <= {*answer.headers["Tus-Extension"].split(",")}
        assert answer.headers["Tus-Max-Size"] == str(UPLOAD_LIMIT)
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"


WRONG: dict[str, tuple[dict[str, str | None], int, str]] = {
    "no version": ({"Tus-Resumable": None}, 412, "precondition_failed"),
    "another version": ({"Tus-Resumable": "0.2.2"}, 412, "precondition_failed"),
    "negative length": ({"Upload-Length": "-1"}, 400, "invalid_request"),
    "no number": ({"Upload-Length": "0x10"}, 400, "invalid_request"),
    "huge": ({"Upload-Length": "9" * 19}, 413, "too_large"),
    "more digits than a length has": ({"Upload-Length": "9" * 60}, 400, "invalid_request"),
    "too large": ({"Upload-Length": str(UPLOAD_LIMIT + 1)}, 413, "too_large"),
    "empty": ({"Upload-Length": "0"}, 400, "empty_file"),
    "no length": ({"Upload-Length": None}, 400, "invalid_request"),
    "both": ({"Upload-Defer-Length": "1"}, 400, "invalid_request"),
    "deferred by another number": ({"Upload-Length": None, "Upload-Defer-Length": "2"}, 400, "invalid_request"),
    "no base64": ({"Upload-Metadata": "filename ???"}, 400, "invalid_request"),
    "a key twice": ({"Upload-Metadata": "a YQ==,a YQ=="}, 400, "invalid_request"),
    "long metadata": ({"Upload-Metadata": f"a {'YWFh' * 2500}"}, 400, "invalid_request"),
    "a title that none can have": (metadata(title="x" * 501), 400, "invalid_request"),
    "a title with NUL": (metadata(title="x\0"), 400, "invalid_request"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_creates_nothing(client: httpx.AsyncClient, name: str) -> None:
    changed, status, code = WRONG[name]
    headers = {key: value for key, value in {**TUS, "Upload-Length": "5", **changed}.items() if value is not None}
    answer = await client.post("/v1/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    if status == 412:
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert (await client.get("/v1/uploads")).json()["data"] == []


WRONG_PARTS: dict[str, tuple[dict[str, str | None], bytes, int, str]] = {
    "no version": ({"Tus-Resumable": None}, b"56789", 412, "precondition_failed"),
    "no offset": ({"Upload-Offset": None}, b"56789", 400, "invalid_request"),
    "negative offset": ({"Upload-Offset": "-5"}, b"56789", 400, "invalid_request"),
    "an earlier offset": ({"Upload-Offset": "0"}, b"01234", 409, "wrong_offset"),
    "an offset beyond": ({"Upload-Offset": "6"}, b"6789", 409, "wrong_offset"),
    "an offset beyond the end": ({"Upload-Offset": "11"}, b"", 409, "wrong_offset"),
    "a huge offset": ({"Upload-Offset": "9" * 19}, b"x", 409, "wrong_offset"),
    "another type": ({"Content-Type": "video/mp4"}, b"56789", 415, "unsupported_media_type"),
    "no type": ({"Content-Type": None}, b"56789", 415, "unsupported_media_type"),
    "compressed": ({"Content-Encoding": "gzip"}, b"56789", 400, "invalid_request"),
    "longer than declared": ({}, b"567890", 400, "beyond_length"),
    "another length": ({"Upload-Length": "11"}, b"56789", 400, "invalid_request"),
    "an unknown checksum": ({"Upload-Checksum": "crc99 AAAA"}, b"56789", 400, "invalid_request"),
    "half a checksum": ({"Upload-Checksum": "sha1 AAAA"}, b"56789", 400, "invalid_request"),
    "a wrong checksum of nothing": (checksum(b"x"), b"", 460, "part_mismatch"),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", WRONG_PARTS)
async def test_a_part_that_is_wrong_changes_nothing(
    client: httpx.AsyncClient, storage: Storage, catalog: Catalog, name: str, chunked: bool
) -> None:
    changed, body, status, code = WRONG_PARTS[name]

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    path = await created(client, 10)
    assert (await send(client, path, 0, b"01234")).status_code == 204
    headers = {key: value for key, value in {**PART, "Upload-Offset": "5", **changed}.items() if value is not None}
    answer = await client.patch(path, content=pieces() if chunked else body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if code == "wrong_offset":
        assert answer.headers["Upload-Offset"] == "5"
    at = await offset(client, path)
    assert (await send(client, path, at, b"0123456789"[at:])).headers["Upload-Offset"] == "10"
    await arrived_whole(client, storage, catalog, path, b"0123456789")


async def test_the_last_part_may_be_sent_again(client: httpx.AsyncClient, storage: Storage) -> None:
    """By a client that has lost the answer."""
    path = await created(client, 10)
    assert (await send(client, path, 0, b"0123456789")).status_code == 204
    assert await offset(client, path) == 10
    assert (await send(client, path, 10, b"")).status_code == 204
    assert (await send(client, path, 0, b"0123456789")).status_code == 409
    answer = await client.delete(path, headers=TUS)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_what_has_arrived_and_was_not_accepted_is_accepted_when_it_is_asked_for(
    servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the process had died that received the last byte."""

    async def dies(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("killed")

    path = await created(servers[0], 10)
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.catalog.uploads.Uploads.accept", dies)
        assert (await send(servers[0], path, 0, b"0123456789")).status_code == 500
    assert (await servers[1].get(path)).json()["data"]["status"] == "uploading"
    assert await offset(servers[1], path) == 10
    await arrived_whole(servers[1], kept, catalog, path, b"0123456789")


@on_a_folder
async def test_one_request_at_a_time(servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog) -> None:
    path = await created(servers[0], SIZE)
    going, ended = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield FILM[:1_000_000]
        going.set()
        await ended.wait()
        yield FILM[1_000_000:]

    headers = {**PART, "Upload-Offset": "0"}
    first = asyncio.create_task(servers[0].patch(path, content=slowly(), headers=headers))
    await going.wait()
    await asyncio.sleep(0.3)
    for server in servers:
        answer = await send(server, path, 0, FILM)
        assert (answer.status_code, answer.json()["code"]) == (423, "locked")
    ended.set()
    assert (await first).status_code == 204
    await arrived_whole(servers[1], kept, catalog, path, FILM)


@on_a_folder
async def test_a_connection_that_is_silent_gives_way(
    servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a phone's that has another network by now: nobody tells the server that no bytes will come."""
    monkeypatch.setattr("gilfoyle.ingest.acceptance.RESUMED_LEASE_S", 0.4)
    monkeypatch.setattr("gilfoyle.ingest.acceptance.RESUMED_RENEW_S", 0.1)
    path = await created(servers[0], SIZE)
    reader, writer = await asyncio.open_connection("127.0.0.1", servers[0].base_url.port)
    head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {SIZE}\r\n\r\n"
    writer.write(head.encode() + FILM[:1_000_000])
    await writer.drain()
    async with asyncio.timeout(10):
        status = 423
        while status == 423:
            await asyncio.sleep(0.1)
            at = await offset(servers[1], path)
            status = (await send(servers[1], path, at, FILM[at:])).status_code
    assert status == 204
    assert b"409" in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await arrived_whole(servers[1], kept, catalog, path, FILM)


async def test_a_method_may_be_said_by_a_header(client: httpx.AsyncClient, storage: Storage, catalog: Catalog) -> None:
    path = await created(client, 10)
    headers = {**PART, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await client.post(path, content=b"0123456789", headers=headers)).status_code == 204
    await arrived_whole(client, storage, catalog, path, b"0123456789")
    path = await created(client, 10)
    answer = await client.post(path, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 204
    assert (await client.head(path, headers=TUS)).status_code == 410


@on_a_folder
async def test_more_than_it_may_have_ends_it(servers: list[httpx.AsyncClient], kept: Storage, catalog: Catalog) -> None:
    path = await created(servers[0], None)
    assert (await send(servers[0], path, 0, FILM)).status_code == 204
    answer = await send(servers[0], path, SIZE, bytes(20 << 20))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await offset(servers[0], path) == SIZE, "it was refused before it was read"

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1 << 20)

    headers = {**PART, "Upload-Offset": str(SIZE)}
    assert (await servers[0].patch(path, content=endless(), headers=headers)).status_code == 413
    upload = (await servers[0].get(path)).json()["data"]
    assert (upload["status"], upload["error"]["code"]) == ("errored", "too_large")
    assert [write async for write in kept.unfinished()] == []


async def test_of_a_media_that_was_deleted_no_upload_goes_on(
    client: httpx.AsyncClient, storage: Storage, catalog: Catalog
) -> None:
    path = await created(client, 10)
    assert (await send(client, path, 0, b"01234")).status_code == 204
    media_id = (await client.get(path)).json()["data"]["media_id"]
    await catalog.medias.mark_deleting(media_id)
    assert (await send(client, path, 5, b"56789")).status_code == 404
    await catalog.medias.remove(media_id)
    assert (await send(client, path, 5, b"56789")).status_code == 410
    assert (await client.head(path, headers=TUS)).status_code == 410


async def test_it_is_found_behind_a_proxy(client: httpx.AsyncClient) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "media.example.org", "X-Forwarded-Prefix": "/gf"}
    answer = await client.post("/v1/uploads", headers={**TUS, "Upload-Length": "5", **said})
    assert answer.headers["Location"].startswith("https://media.example.org/gf/v1/uploads/")


async def test_an_upload_that_nobody_made_is_not_found(client: httpx.AsyncClient) -> None:
    for upload_id in ("nothing", "%00", "x" * 300):
        assert (await client.head(f"/v1/uploads/{upload_id}", headers=TUS)).status_code == 404
        assert (await send(client, f"/v1/uploads/{upload_id}", 0, b"x")).status_code == 404
