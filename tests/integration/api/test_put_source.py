"""`PUT /v1/medias/{media_id}/source`: a file as a plain body."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.storage import FilesystemStorage, keys
from tests.integration.api.conftest import UPLOAD_LIMIT

FILM = Random(1).randbytes(3_000_001)
SHA256 = hashlib.sha256(FILM)


def digest(data: bytes) -> dict[str, str]:
    return {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


async def new_media(catalog: Catalog) -> UUID:
    return (await catalog.medias.create("Film")).id


async def nothing_accepted(catalog: Catalog, storage: FilesystemStorage, media_id: UUID) -> None:
    media = await catalog.medias.get(media_id)
    assert (media.status, media.upload_lease) == (MediaStatus.AWAITING_UPLOAD, None)
    assert [found.key async for found in storage.list(str(media_id))] == []


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("kind", ["", "video", "audio"])
async def test_stores_the_body_and_starts_its_processing(
    live: httpx.AsyncClient,
    catalog: Catalog,
    storage: FilesystemStorage,
    temporal: Client,
    kind: str,
    chunked: bool,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(FILM), 50_000):
            yield FILM[start : start + 50_000]

    media_id = await new_media(catalog)
    headers = {"Content-Disposition": 'attachment; filename="My film.mp4"', **digest(FILM)}
    answer = await live.put(
        f"/v1/medias/{media_id}/source",
        content=pieces() if chunked else FILM,
        headers=headers,
        params={"kind": kind} if kind else {},
    )
    assert answer.status_code == 202
    media = answer.json()["data"]
    assert (media["status"], media["kind"], media["file_name"]) == ("Processing", kind or None, "My film.mp4")
    assert (media["source_bytes"], media["source_sha256"]) == (len(FILM), SHA256.hexdigest())
    assert await storage.read(keys.source(media_id)) == FILM
    workflow = await temporal.get_workflow_handle(f"media-{media_id}-1").describe()
    assert workflow.workflow_type == "ProcessMedia"


async def test_curl_sends_a_file(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, tmp_path: Path
) -> None:
    media_id = await new_media(catalog)
    (tmp_path / "film.mp4").write_bytes(FILM)
    url = f"{live.base_url}/v1/medias/{media_id}/source?file_name=film.mp4"
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T", str(tmp_path / "film.mp4"), url]
    called = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert (called.stdout, called.stderr) == ("202", "")
    assert await storage.read(keys.source(media_id)) == FILM
    assert (await catalog.medias.get(media_id)).file_name == "film.mp4"


WRONG: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 400, "empty_file"),
    "another checksum": (FILM, digest(b"other"), 400, "checksum_mismatch"),
    "malformed checksum": (FILM, {"Repr-Digest": f"sha-256={SHA256.hexdigest()}"}, 400, "invalid_request"),
    "form": (FILM, {"Content-Type": "multipart/form-data; boundary=x"}, 400, "invalid_request"),
    "compressed": (FILM, {"Content-Encoding": "gzip"}, 400, "invalid_request"),
    "too large": (bytes(UPLOAD_LIMIT + 1), {}, 413, "too_large"),
    "far too large": (bytes(2 * UPLOAD_LIMIT), {}, 413, "too_large"),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_not_accepted(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, name: str, chunked: bool
) -> None:
    body, headers, status, code = WRONG[name]

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    media_id = await new_media(catalog)
    content = pieces() if chunked else body
    answer = await live.put(f"/v1/medias/{media_id}/source", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    await nothing_accepted(catalog, storage, media_id)
    answer = await live.put(f"/v1/medias/{media_id}/source", content=FILM)
    assert answer.status_code == 202


async def test_exactly_the_limit_is_allowed(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(catalog)
    assert (await live.put(f"/v1/medias/{media_id}/source", content=bytes(UPLOAD_LIMIT))).status_code == 202


async def test_an_unknown_kind_is_refused(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(catalog)
    answer = await live.put(f"/v1/medias/{media_id}/source", content=b"x", params={"kind": "image"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "kind" in answer.json()["fields"]


async def test_an_unknown_media_is_404_before_the_body_is_read(live: httpx.AsyncClient) -> None:
    answer = await live.put(f"/v1/medias/{uuid4()}/source", content=bytes(5 << 20))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_second_upload_is_a_conflict(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(catalog)
    assert (await live.put(f"/v1/medias/{media_id}/source", content=b"a")).status_code == 202
    for answer in (
        await live.put(f"/v1/medias/{media_id}/source", content=bytes(5 << 20)),
        await live.post(f"/v1/medias/{media_id}/upload/video", files={"file": b"b"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_body_that_is_slow_is_given_up(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.body.RequestBody.__init__.__defaults__", (0.3,))
    media_id = await new_media(catalog)
    reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
    writer.write(
        f"PUT /v1/medias/{media_id}/source HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nfilm".encode()
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    assert b"HTTP/1.1 400 " in answer
    assert b"upload_stalled" in answer
    await nothing_accepted(catalog, storage, media_id)
    writer.close()
