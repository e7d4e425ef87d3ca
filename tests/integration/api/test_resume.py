"""`PUT /v1/medias/{media_id}/source` that breaks off and goes on, on a folder, S3 and IPFS, through two servers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.errors import ObjectNotFound
from gilfoyle.storage import Resumable, Storage, keys
from gilfoyle.testing.storage_contract import collect
from tests.integration.api.conftest import eventually
from tests.kubo_node import skip_module_without_kubo

skip_module_without_kubo()

LIMIT = 32 << 20
FILM = Random(3).randbytes(13_000_007)
SIZE = len(FILM)
SHA256 = hashlib.sha256(FILM).hexdigest()
DIGEST = {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(FILM).digest()).decode()}:"}
OTHER = {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(b'other').digest()).decode()}:"}


class Upload:
    """One media's upload, as a client does it."""

    def __init__(self, media_id: UUID, catalog: Catalog) -> None:
        self.media_id = media_id
        self._catalog = catalog
        self.url = f"/v1/medias/{media_id}/source"

    async def offset(self, server: httpx.AsyncClient) -> int:
        answer = await server.head(self.url)
        assert (answer.status_code, answer.headers["Upload-Complete"]) == (204, "?0")
        return int(answer.headers["Upload-Offset"])

    async def send(
        self, server: httpx.AsyncClient, first: int, end: int, total: int | None = SIZE, **headers: str
    ) -> httpx.Response:
        """A part, whole."""
        sent = {"Content-Range": f"bytes {first}-{end - 1}/{'*' if total is None else total}", **headers}
        return await server.put(self.url, content=FILM[first:end], headers=sent)

    async def ask(self, server: httpx.AsyncClient, total: int = SIZE, **headers: str) -> httpx.Response:
        return await server.put(self.url, headers={"Content-Range": f"bytes */{total}", **headers})

    async def cut(self, server: httpx.AsyncClient, first: int | None, end: int) -> None:
        """Announce all the rest, send it up to `end`, and vanish. `first` None: no Content-Range."""
        _reader, writer = await asyncio.open_connection("127.0.0.1", server.base_url.port)
        start = first or 0
        head = f"PUT {self.url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE - start}\r\n"
        if first is not None:
            head += f"Content-Range: bytes {first}-{SIZE - 1}/{SIZE}\r\n"
        writer.write(f"{head}\r\n".encode() + FILM[start:end])
        await writer.drain()
        await eventually(self._begun, 20)
        writer.close()
        await writer.wait_closed()
        await eventually(self.has_let_go, 20)

    async def _begun(self) -> None:
        assert (await self._catalog.medias.get(self.media_id)).upload_lease is not None

    async def has_let_go(self) -> None:
        """Nobody holds the lease: a failing assertion otherwise."""
        media = await self._catalog.medias.get(self.media_id)
        assert (media.status, media.upload_lease) == (MediaStatus.AWAITING_UPLOAD, None)


@pytest.fixture
async def upload(catalog: Catalog) -> Upload:
    return Upload((await catalog.medias.create("Film")).id, catalog)


async def accepted(answer: httpx.Response, storage: Storage, media_id: UUID) -> dict[str, Any]:
    """The film is there, byte for byte, and nothing else is left."""
    assert answer.status_code == 202, answer.text
    media: dict[str, Any] = answer.json()["data"]
    assert (media["status"], media["source_bytes"], media["source_sha256"]) == ("Processing", SIZE, SHA256)
    assert hashlib.sha256(await collect(storage.stream(keys.source(media_id)))).hexdigest() == SHA256
    assert [write async for write in storage.unfinished()] == []
    return media


@pytest.mark.parametrize("begin", ["range", "plain"])
async def test_cut_ten_times_it_arrives_whole(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload, begin: str
) -> None:
    rng = Random(5)
    offset, cuts = 0, sorted(rng.sample(range(1000, SIZE - 1000), 10))
    for number, end in enumerate(cuts):
        plain = begin == "plain" and number == 0
        await upload.cut(servers[number % 2], None if plain else offset, end)
        arrived = await upload.offset(servers[(number + 1) % 2])
        assert offset <= arrived <= end
        offset = arrived
    assert offset > cuts[-3], "what arrives before a cut is kept"
    with pytest.raises(ObjectNotFound):
        await kept.stat(keys.source(upload.media_id))
    last = {**DIGEST, "Content-Disposition": 'attachment; filename="film.mp4"'}
    media = await accepted(await upload.send(servers[0], offset, SIZE, **last), kept, upload.media_id)
    assert (media["file_name"], media["kind"]) == ("film.mp4", None)


async def test_parts_are_sent_one_after_the_other(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload
) -> None:
    """As clients of Google Cloud Storage do it, that know the size only in the end."""
    answer = await upload.ask(servers[0])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (308, "0")
    assert "Range" not in answer.headers
    for number, (first, end) in enumerate([(0, 1), (1, 6_000_000), (6_000_000, SIZE)]):
        answer = await upload.send(servers[number % 2], first, end, total=None)
        assert (answer.status_code, answer.headers["Range"]) == (308, f"bytes=0-{end - 1}")
        assert "Location" not in answer.headers
    assert (await upload.ask(servers[0], SIZE + 1)).headers["Upload-Offset"] == str(SIZE)
    await accepted(await upload.ask(servers[0], **DIGEST), kept, upload.media_id)
    again = await upload.ask(servers[1])
    assert (again.status_code, again.json()["data"]["source_bytes"]) == (200, SIZE)
    assert (await upload.ask(servers[1], SIZE + 1)).status_code == 409
    told = await servers[1].head(upload.url)
    assert (told.headers["Upload-Offset"], told.headers["Upload-Complete"]) == (str(SIZE), "?1")


async def test_goes_on_only_where_it_ended(servers: list[httpx.AsyncClient], kept: Storage, upload: Upload) -> None:
    assert (await upload.send(servers[0], 0, 1000)).status_code == 308
    for first in (0, 999, 1001, 5_000_000):
        answer = await upload.send(servers[1], first, SIZE)
        assert (answer.status_code, answer.json()["code"], answer.headers["Upload-Offset"]) == (
            409,
            "wrong_offset",
            "1000",
        )
        assert "at byte 1000" in answer.json()["message"]
    await accepted(await upload.send(servers[1], 1000, SIZE), kept, upload.media_id)


async def test_without_a_range_it_begins_anew(servers: list[httpx.AsyncClient], kept: Storage, upload: Upload) -> None:
    assert (await upload.send(servers[0], 0, 6_000_000)).status_code == 308
    await accepted(await servers[1].put(upload.url, content=FILM, headers=DIGEST), kept, upload.media_id)


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_wrong_checksum_leaves_nothing(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload, resumed: bool
) -> None:
    if resumed:
        assert (await upload.send(servers[0], 0, 6_000_000)).status_code == 308
    answer = await upload.send(servers[1], 6_000_000 if resumed else 0, SIZE, **OTHER)
    assert (answer.status_code, answer.json()["code"]) == (400, "checksum_mismatch")
    assert answer.json()["fields"] == {"Repr-Digest": "does not match the file"}
    await eventually(upload.has_let_go)
    assert await upload.offset(servers[0]) == 0
    assert [found.key async for found in kept.list(str(upload.media_id))] == []
    await accepted(await upload.send(servers[1], 0, SIZE, **DIGEST), kept, upload.media_id)


async def test_what_was_stored_but_not_accepted_need_not_be_sent_again(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload
) -> None:
    """As when the server died between the two, or PostgreSQL was away."""
    assert isinstance(kept, Resumable)
    key = keys.source(upload.media_id)
    await kept.write(key, FILM)
    assert await upload.offset(servers[0]) == SIZE
    await accepted(await upload.ask(servers[1], **DIGEST), kept, upload.media_id)


async def test_what_another_upload_left_does_not_count(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload
) -> None:
    await kept.write(keys.source(upload.media_id), b"another file")
    answer = await upload.send(servers[0], 12, SIZE)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "0")
    await accepted(await upload.send(servers[1], 0, SIZE), kept, upload.media_id)


WRONG: dict[str, tuple[dict[str, str], bytes, int, str]] = {
    "malformed": ({"Content-Range": "bytes 0-4"}, b"12345", 400, "invalid_request"),
    "backwards": ({"Content-Range": "bytes 5-4/10"}, b"", 400, "invalid_request"),
    "past the end": ({"Content-Range": "bytes 0-10/10"}, b"12345678901", 400, "invalid_request"),
    "another unit": ({"Content-Range": "items 0-4/5"}, b"12345", 400, "invalid_request"),
    "body too short": ({"Content-Range": "bytes 0-9/10"}, b"12345", 400, "invalid_request"),
    "body too long": ({"Content-Range": "bytes 0-3/4"}, b"12345", 400, "invalid_request"),
    "too large": ({"Content-Range": f"bytes 0-4/{LIMIT + 1}"}, b"12345", 413, "too_large"),
    "absurd": ({"Content-Range": f"bytes 0-4/{'9' * 40}"}, b"12345", 400, "invalid_request"),
}


@pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", WRONG)
async def test_a_range_that_can_not_be_followed_is_refused(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload, name: str, chunked: bool
) -> None:
    headers, body, status, code = WRONG[name]

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    answer = await servers[0].put(upload.url, content=pieces() if chunked else body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    await eventually(upload.has_let_go)
    assert (await servers[1].put(upload.url, content=FILM)).status_code == 202


@pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)
async def test_too_much_is_not_kept(servers: list[httpx.AsyncClient], upload: Upload) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // (1 << 20) + 3):
            yield bytes(1 << 20)

    answer = await servers[0].put(upload.url, content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    await eventually(upload.has_let_go)
    assert await upload.offset(servers[0]) == 0


@pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)
async def test_curl_goes_on(servers: list[httpx.AsyncClient], kept: Storage, upload: Upload, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(FILM)
    await upload.cut(servers[0], None, 5_000_000)
    offset = await upload.offset(servers[1])
    assert offset > 0
    url = f"{servers[1].base_url}{upload.url}"
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    command += ["-C", str(offset), "-T", str(tmp_path / "film.mp4"), url]
    called = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert (called.stdout, called.stderr) == ("202", "")
    assert await kept.read(keys.source(upload.media_id)) == FILM


@pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)
async def test_one_that_stalls_keeps_what_arrived(
    servers: list[httpx.AsyncClient], kept: Storage, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.body.RequestBody.__init__.__defaults__", (0.3,))
    reader, writer = await asyncio.open_connection("127.0.0.1", servers[0].base_url.port)
    writer.write(f"PUT {upload.url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n12345".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    assert b"upload_stalled" in answer
    writer.close()
    assert await upload.offset(servers[1]) == 5


@pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)
async def test_one_that_lost_its_lease_writes_nothing_more(
    servers: list[httpx.AsyncClient], catalog: Catalog, kept: Storage, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another goes on in its place; what then still comes through the old connection is not wanted any more."""
    monkeypatch.setattr("gilfoyle.ingest.lease.upload_lease.__wrapped__.__defaults__", (0.5, 0.1))
    reader, writer = await asyncio.open_connection("127.0.0.1", servers[0].base_url.port)
    head = f"PUT {upload.url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n"
    writer.write(head.encode() + FILM[:1_500_000])
    await writer.drain()
    await asyncio.sleep(1)
    held = await catalog.uploads.lease(upload.media_id, 30)
    writer.write(FILM[1_500_000:])
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 409 ")
    writer.close()
    await catalog.uploads.release(upload.media_id, held)
    arrived = await upload.offset(servers[1])
    assert 1_000_000 < arrived <= 1_500_000
    await accepted(await upload.send(servers[1], arrived, SIZE, **DIGEST), kept, upload.media_id)


@pytest.mark.parametrize("kept_in", ["filesystem"], indirect=True)
async def test_of_a_media_that_is_deleted_meanwhile_nothing_is_kept(
    servers: list[httpx.AsyncClient], catalog: Catalog, kept: Storage, upload: Upload
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", servers[0].base_url.port)
    head = f"PUT {upload.url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n"
    writer.write(head.encode() + FILM[:1_500_000])
    await writer.drain()
    await asyncio.sleep(0.3)
    await catalog.medias.mark_deleting(upload.media_id)
    writer.write(FILM[1_500_000:])
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 404 ")
    writer.close()
    assert [write async for write in kept.unfinished()] == []


async def test_an_unknown_media_has_no_offset(servers: list[httpx.AsyncClient]) -> None:
    assert (await servers[0].head(f"/v1/medias/{uuid4()}/source")).status_code == 404
