"""What the tests of uploads by session share: storages, two servers, and a client of tus as the protocol is written."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from typing import Any

import httpx

from gilfoyle.catalog import Catalog, UploadStatus
from gilfoyle.storage import Storage, keys
from gilfoyle.testing.storage_contract import collect
from tests.integration.api.conftest import eventually

TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> dict[str, str]:
    """Upload-Metadata."""
    return {"Upload-Metadata": ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in values.items())}


def checksum(data: bytes, algorithm: str = "sha1") -> dict[str, str]:
    """Upload-Checksum."""
    return {"Upload-Checksum": f"{algorithm} {b64encode(hashlib.new(algorithm, data).digest()).decode()}"}


async def created(server: httpx.AsyncClient, length: int | None, **headers: str) -> str:
    """The path of an upload that tus has created."""
    sent = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    answer = await server.post("/v1/uploads", headers={**TUS, **sent, **headers})
    assert answer.status_code == 201, answer.text
    return path_of(answer.headers["Location"])


async def ordered(server: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """An upload that a back end has ordered."""
    answer = await server.post("/v1/uploads", json=body)
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.json()["data"]
    return upload


def path_of(url: str) -> str:
    parsed = httpx.URL(url)
    return f"{parsed.path}?{parsed.query.decode()}" if parsed.query else parsed.path


async def send(server: httpx.AsyncClient, path: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
    return await server.patch(path, content=data, headers={**PART, "Upload-Offset": str(offset), **headers})


async def offset(server: httpx.AsyncClient, path: str) -> int:
    answer = await server.head(path, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


async def cut(server: httpx.AsyncClient, catalog: Catalog, path: str, film: bytes, first: int, end: int) -> None:
    """Announce all the rest, send it up to `end`, and vanish."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.base_url.port)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {first}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(film) - first}\r\n\r\n"
    )
    writer.write(head.encode() + film[first:end])
    await writer.drain()
    upload_id = path.partition("?")[0].rsplit("/", 1)[-1]

    async def has_begun() -> None:
        upload = await catalog.upload_sessions.get(upload_id)
        assert upload.media_id and (await catalog.medias.get(upload.media_id)).upload_lease is not None

    async def has_let_go() -> None:
        upload = await catalog.upload_sessions.get(upload_id)
        assert upload.media_id and (await catalog.medias.get(upload.media_id)).upload_lease is None

    await eventually(has_begun, 20)
    writer.close()
    await writer.wait_closed()
    await eventually(has_let_go, 20)


async def arrived_whole(
    server: httpx.AsyncClient, storage: Storage, catalog: Catalog, path: str, film: bytes
) -> dict[str, Any]:
    """The upload has become a media, byte for byte, and nothing else is left. The media."""
    upload = (await server.get(path)).json()["data"]
    assert (upload["status"], upload["length"]) == (UploadStatus.ASSET_CREATED, len(film))
    media: dict[str, Any] = (await server.get(f"/v1/medias/{upload['media_id']}")).json()["data"]
    assert (media["status"], media["source_bytes"]) == ("Processing", len(film))
    stored = await collect(storage.stream(keys.source(upload["media_id"])))
    assert hashlib.sha256(stored).digest() == hashlib.sha256(film).digest()
    assert [write async for write in storage.unfinished()] == []
    assert [found.key async for found in storage.list(upload["media_id"])] == [keys.source(upload["media_id"])]
    return media
