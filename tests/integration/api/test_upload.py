from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from random import Random
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from gilfoyle.api.small_bodies import JSON_BYTES
from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.config import Settings
from gilfoyle.errors import Conflict, ObjectNotFound
from gilfoyle.storage import FilesystemStorage, keys
from tests.integration.api.conftest import UPLOAD_LIMIT, eventually, served

BOUNDARY = "----boundary"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
FILM = Random(1).randbytes(3_000_001)
SHA256 = hashlib.sha256(FILM).hexdigest()


def part(name: str, value: bytes, file_name: str = "") -> bytes:
    extra = f'; filename="{file_name}"' if file_name else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def new_media(catalog: Catalog) -> UUID:
    return (await catalog.medias.create("Film")).id


async def nothing_kept(catalog: Catalog, storage: FilesystemStorage, media_id: UUID) -> None:
    """As before the upload: it can be repeated at once."""
    media = await catalog.medias.get(media_id)
    assert (media.status, media.upload_lease) == (MediaStatus.AWAITING_UPLOAD, None)
    assert [found.key async for found in storage.list(str(media_id))] == []


@pytest.mark.parametrize("kind", [None, "video", "audio"])
async def test_stores_the_file_and_starts_its_processing(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client, kind: str | None
) -> None:
    media_id = await new_media(catalog)
    files = {"file": ("C:\\films\\My film.mp4", FILM)}
    answer = await live.post(f"/v1/medias/{media_id}/upload{f'/{kind}' if kind else ''}", files=files)
    assert answer.status_code == 202
    media = answer.json()["data"]
    assert (media["status"], media["kind"], media["file_name"]) == ("Processing", kind, "My film.mp4")
    assert (media["source_bytes"], media["source_sha256"]) == (len(FILM), SHA256)
    assert await storage.read(keys.source(media_id)) == FILM
    workflow = await temporal.get_workflow_handle(f"media-{media_id}-1").describe()
    assert (workflow.workflow_type, workflow.task_queue) == ("ProcessMedia", "gilfoyle-pipeline")
    assert await workflow.static_summary() == "Film"
    history = await temporal.get_workflow_handle(f"media-{media_id}-1").fetch_history()
    sent = json.loads(history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data)
    assert (sent["media_id"], sent["encoding"], sent["kind"], sent["source_bytes"]) == (
        str(media_id),
        1,
        kind or "video",
        len(FILM),
    )


async def test_more_than_a_small_body_goes_to_either_path(live: httpx.AsyncClient, catalog: Catalog) -> None:
    for path in ("upload", "upload/video"):
        files = {"file": ("film.mp4", bytes(JSON_BYTES + 1))}
        assert (await live.post(f"/v1/medias/{await new_media(catalog)}/{path}", files=files)).status_code == 202


@pytest.mark.parametrize("order", ["before", "after"])
async def test_a_checksum_may_come_before_or_after_the_file(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, order: str
) -> None:
    def form(checksum: str) -> bytes:
        parts = [part("sha256", checksum.encode()), part("file", FILM, "a.mp4")]
        return b"".join([*(parts if order == "before" else parts[::-1]), part("other", b"ignored"), END])

    media_id = await new_media(catalog)
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", content=form("0" * 64), headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (400, "checksum_mismatch")
    assert answer.json()["fields"] == {"sha256": "does not match the file"}
    await nothing_kept(catalog, storage, media_id)
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", content=form(SHA256.upper()), headers=HEADERS)
    assert answer.status_code == 202


FORMS: dict[str, tuple[bytes, int, str]] = {
    "empty file": (part("file", b"", "a.mp4") + END, 400, "empty_file"),
    "no file": (part("other", b"x") + END, 400, "invalid_request"),
    "no parts": (END, 400, "invalid_request"),
    "two files": (part("file", b"a", "a") + part("file", b"b", "b") + END, 400, "invalid_request"),
    "bad checksum": (part("sha256", b"zz") + part("file", b"a", "a") + END, 400, "invalid_request"),
    "endless checksum": (part("sha256", b"0" * 100_000) + END, 400, "invalid_request"),
    "no end": (part("file", FILM, "a.mp4"), 400, "broken_multipart"),
    "nothing": (b"", 400, "broken_multipart"),
    "not multipart inside": (b"nonsense" * 1000, 400, "broken_multipart"),
    "part without name": (f"--{BOUNDARY}\r\nX: y\r\n\r\nx\r\n".encode() + END, 400, "broken_multipart"),
    "endless header": (f"--{BOUNDARY}\r\nX: {'y' * 100_000}".encode(), 400, "broken_multipart"),
    "too large": (part("file", bytes(UPLOAD_LIMIT + 1), "a.mp4") + END, 413, "too_large"),
    "far too large": (part("file", bytes(UPLOAD_LIMIT + (2 << 20)), "a.mp4") + END, 413, "too_large"),
    "too much else": (part("other", bytes(UPLOAD_LIMIT + (2 << 20))) + END, 413, "too_large"),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", FORMS)
async def test_a_wrong_form_leaves_nothing(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, name: str, chunked: bool
) -> None:
    body, status, code = FORMS[name]

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    media_id = await new_media(catalog)
    content = pieces() if chunked else body
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", content=content, headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    await nothing_kept(catalog, storage, media_id)


@pytest.mark.parametrize(
    "kind",
    ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"],
)
async def test_what_is_not_a_form_is_refused(live: httpx.AsyncClient, catalog: Catalog, kind: str) -> None:
    media_id = await new_media(catalog)
    headers = {"Content-Type": kind} if kind else {}
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_multipart")


async def test_exactly_the_limit_is_allowed(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(catalog)
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": bytes(UPLOAD_LIMIT)})
    assert answer.status_code == 202


async def test_a_second_upload_is_a_conflict(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(catalog)
    assert (await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": b"a"})).status_code == 202
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": bytes(5 << 20)})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "Processing" in answer.json()["message"]


async def test_of_uploads_at_once_one_wins(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(catalog)
    values = [bytes([n]) * 2_000_000 for n in range(5)]
    posts = (live.post(f"/v1/medias/{media_id}/upload/video", files={"file": value}) for value in values)
    answers = await asyncio.gather(*posts)
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    winner = next(answer.json()["data"] for answer in answers if answer.status_code == 202)
    stored = await storage.read(keys.source(media_id))
    assert hashlib.sha256(stored).hexdigest() == winner["source_sha256"]


async def test_an_unknown_media_is_404_before_the_body_is_read(live: httpx.AsyncClient) -> None:
    answer = await live.post(f"/v1/medias/{uuid4()}/upload/video", files={"file": bytes(5 << 20)})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def raw(live: httpx.AsyncClient, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    assert live.base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
    writer.write(head.replace("\n", "\r\n").encode())
    await writer.drain()
    return reader, writer


def head(media_id: UUID, length: int, more: str = "") -> str:
    return (
        f"POST /v1/medias/{media_id}/upload/video HTTP/1.1\nHost: localhost\nContent-Length: {length}\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\n{more}\n"
    )


async def test_a_declared_length_above_the_limit_is_refused_unread(live: httpx.AsyncClient, catalog: Catalog) -> None:
    reader, writer = await raw(live, head(await new_media(catalog), 10**15))
    start = time.perf_counter()
    answer = await reader.readuntil(b"\r\n\r\n")
    assert time.perf_counter() - start < 1
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b"too_large" in await asyncio.wait_for(reader.read(), 5)
    writer.close()


@pytest.mark.parametrize("length", ["9" * 30, "9" * 5000])
async def test_an_absurd_length_is_refused(live: httpx.AsyncClient, catalog: Catalog, length: str) -> None:
    request = head(await new_media(catalog), 0).replace("Content-Length: 0", f"Content-Length: {length}")
    reader, writer = await raw(live, request)
    answer = await asyncio.wait_for(reader.readline(), 5)
    assert answer.split()[1] in (b"400", b"413")
    writer.close()


async def test_a_client_that_expects_to_continue_is_told(live: httpx.AsyncClient, catalog: Catalog) -> None:
    body = part("file", b"film", "a.mp4") + END
    expect = "Expect: 100-continue\n"
    media_id = await new_media(catalog)
    reader, writer = await raw(live, head(media_id, 10**12, expect))
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    reader, writer = await raw(live, head(media_id, len(body), expect))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 202 ")
    writer.close()


async def test_a_cut_connection_leaves_nothing(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(catalog)
    _reader, writer = await raw(live, head(media_id, 4_000_000))
    writer.write(part("file", FILM, "a.mp4")[:2_000_000])
    await writer.drain()

    async def leased() -> None:
        assert (await catalog.medias.get(media_id)).upload_lease is not None

    await eventually(leased)
    with pytest.raises(Conflict):
        await catalog.uploads.lease(media_id, 1)
    writer.close()
    await eventually(lambda: nothing_kept(catalog, storage, media_id))
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": FILM})
    assert answer.status_code == 202


async def test_an_upload_that_stalls_is_given_up(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.body.RequestBody.__init__.__defaults__", (0.3,))
    media_id = await new_media(catalog)
    reader, writer = await raw(live, head(media_id, 4_000_000))
    writer.write(part("file", b"film", "a.mp4"))
    answer = await asyncio.wait_for(reader.read(), 10)
    assert b"HTTP/1.1 400 " in answer
    assert b"upload_stalled" in answer
    await nothing_kept(catalog, storage, media_id)
    writer.close()


async def test_an_upload_that_lost_its_lease_can_not_replace_the_one_that_took_it(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.ingest.lease.upload_lease.__wrapped__.__defaults__", (0.5, 0.1))
    media_id = await new_media(catalog)
    body = part("file", FILM, "first.mp4") + END
    reader, writer = await raw(live, head(media_id, len(body)))
    writer.write(body[:1_500_000])
    await writer.drain()
    await asyncio.sleep(1)
    second = await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": ("second.mp4", b"second")})
    assert second.status_code == 202
    writer.write(body[1_500_000:])
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 409 ")
    assert await storage.read(keys.source(media_id)) == b"second"
    assert (await catalog.medias.get(media_id)).file_name == "second.mp4"
    writer.close()


@pytest.mark.parametrize("moment", ["early", "late"])
async def test_a_media_deleted_meanwhile_is_404_and_leaves_nothing(
    live: httpx.AsyncClient,
    catalog: Catalog,
    storage: FilesystemStorage,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Early: the renewal of the lease notices and stops the upload. Late: its end does."""
    defaults = (30.0, 0.05 if moment == "early" else 30.0)
    monkeypatch.setattr("gilfoyle.ingest.lease.upload_lease.__wrapped__.__defaults__", defaults)
    media_id = await new_media(catalog)
    body = part("file", FILM, "a.mp4") + END
    reader, writer = await raw(live, head(media_id, len(body)))
    writer.write(body[:1_500_000])
    await writer.drain()
    await asyncio.sleep(0.2)
    await catalog.medias.mark_deleting(media_id)
    await asyncio.sleep(0.2)
    writer.write(body[1_500_000:])
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 404 ")
    with pytest.raises(ObjectNotFound):
        await storage.stat(keys.source(media_id))
    writer.close()


async def test_without_temporal_it_is_accepted_all_the_same(
    outage: Callable[[str], Settings],
    settings: Settings,
    catalog: Catalog,
    storage: FilesystemStorage,
    temporal: Client,
) -> None:
    """Nobody sends 50 GB again because another server was restarted."""
    media_id = await new_media(catalog)
    with served(outage("temporal")) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            answer = await client.post(f"/v1/medias/{media_id}/upload/video", files={"file": FILM})
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "Processing")
    assert await storage.read(keys.source(media_id)) == FILM


async def test_one_that_is_errored_is_uploaded_again_beside_the_first(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, temporal: Client
) -> None:
    media_id = await new_media(catalog)
    assert (await live.post(f"/v1/medias/{media_id}/upload/audio", files={"file": b"first"})).status_code == 202
    await catalog.encodings.fail(media_id, "no_audio", "The file holds video but no audio.")
    broken = part("file", FILM, "a.mp4")[:5000]
    assert (await live.post(f"/v1/medias/{media_id}/upload/video", content=broken, headers=HEADERS)).status_code == 400
    failed = await catalog.medias.get(media_id)
    assert (failed.status, failed.error_code, failed.upload) == (MediaStatus.ERRORED, "no_audio", 1)
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": ("second.mp4", b"second")})
    media = answer.json()["data"]
    assert (answer.status_code, media["status"], media["kind"], media["error"]) == (202, "Processing", "video", None)
    assert [await storage.read(keys.source(media_id, n)) for n in (1, 2)] == [b"first", b"second"]
    history = await temporal.get_workflow_handle(f"media-{media_id}-2").fetch_history()
    sent = json.loads(history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data)
    assert (sent["encoding"], sent["upload"], sent["source_bytes"]) == (2, 2, 6)
