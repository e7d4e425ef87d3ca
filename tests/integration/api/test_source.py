"""The file of a media: downloaded with a key or by a link, and deleted while its stream stays."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import httpx2
import pytest

from gilfoyle.catalog import Catalog, MediaStatus, RenditionStatus
from gilfoyle.client import AsyncGilfoyle
from gilfoyle.config import S3Settings, Settings, StorageSettings
from gilfoyle.errors import Gone
from gilfoyle.storage import FilesystemStorage, Storage, keys
from gilfoyle.storage.relocation import Relocation
from tests.integration.api.calling import calling
from tests.integration.api.conftest import address, playable
from tests.integration.api.test_retry import ready

FILM = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(FILM).hexdigest()
NAME = 'Der "Große" Film; 1%.mp4'


@asynccontextmanager
async def uploaded(settings: Settings) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client, and the id of a media that has its file."""
    async with calling(settings) as client:
        media_id = (await client.post("/v1/medias", json={"title": "Film"})).json()["data"]["id"]
        answer = await client.put(f"/v1/medias/{media_id}/source", content=FILM, params={"file_name": NAME})
        assert answer.status_code == 202, answer.text
        yield client, media_id


async def test_it_is_downloaded_as_it_was_and_deleted(kept_in: Settings, catalog: Catalog, kept: Storage) -> None:
    """On each storage."""
    async with uploaded(kept_in) as (client, media_id):
        path = f"/v1/medias/{media_id}/source"
        whole = await client.get(path)
        assert (whole.status_code, whole.content) == (200, FILM)
        assert whole.headers["Content-Disposition"] == (
            "attachment; filename=\"Der _Gro_e_ Film; 1_.mp4\"; filename*=UTF-8''"
            "Der%20%22Gro%C3%9Fe%22%20Film%3B%201%25.mp4"
        )
        digest = base64.b64encode(hashlib.sha256(FILM).digest()).decode()
        assert whole.headers["Repr-Digest"] == f"sha-256=:{digest}:"
        assert (whole.headers["Content-Type"], whole.headers["Accept-Ranges"]) == ("video/mp4", "bytes")
        part = await client.get(path, headers={"Range": "bytes=1000-1999", "If-Range": whole.headers["ETag"]})
        assert (part.status_code, part.content) == (206, FILM[1000:2000])
        assert (await client.get(path, headers={"If-None-Match": whole.headers["ETag"]})).status_code == 304
        await catalog.encodings.finish(UUID(media_id), 1)
        head = await client.head(path)
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(FILM)))
        assert (head.headers["Upload-Offset"], head.headers["Upload-Complete"]) == (str(len(FILM)), "?1")
        for _ in range(2):  # it may be repeated
            assert (await client.delete(path)).status_code == 204
        assert [item.key async for item in kept.list(media_id) if "source" in item.key] == []
        gone = await client.get(path)
        assert (gone.status_code, gone.json()["code"]) == (410, "source_deleted")
        head = await client.head(path)
        assert (head.status_code, head.headers["Upload-Complete"]) == (204, "?1")


async def test_without_its_file_a_media_plays_on_and_nothing_is_encoded(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = (await ready(catalog)).id
    await storage.write(keys.source(media_id), FILM)
    await storage.write(f"{keys.encoding_prefix(media_id, 1)}/720p/00000.m4s", b"segment")
    assert (await client.delete(f"/v1/medias/{media_id}/source")).status_code == 204
    shown = (await client.get(f"/v1/medias/{media_id}")).json()["data"]
    assert shown["status"] == "Ready" and shown["source_deleted_at"] is not None
    assert (await client.get(f"{await address(catalog, media_id)}/720p/00000.m4s")).content == b"segment"
    for action in ("replacement", "verify", "renditions/720p/retry"):
        answer = await client.post(f"/v1/medias/{media_id}/{action}")
        assert (answer.status_code, answer.json()["code"]) == (409, "no_source"), action
        assert "was deleted" in answer.json()["message"]
    link = await client.post(f"/v1/medias/{media_id}/source/links")
    assert (link.status_code, link.json()["code"]) == (410, "source_deleted")
    events = (await client.get(f"/v1/medias/{media_id}/events", params={"type": "media.updated"})).json()["data"]
    assert [each["data"]["changed"] for each in events] == [["source_deleted_at"]]
    # What a move would copy is whole without it, and the sweep knows that nobody owns it.
    await storage.write(f"{keys.encoding_prefix(media_id, 1)}/master.m3u8", b"#EXTM3U")
    media = await catalog.medias.get(media_id)
    objects = {item.key: item async for item in storage.list(str(media_id))}
    assert await Relocation(media, storage, storage).complete(objects) is None
    assert (await catalog.owners.of([media_id]))[media_id].sources == frozenset()
    # Another file may take its place.
    answer = await client.put(f"/v1/medias/{media_id}/source", content=FILM, params={"replace": "true"})
    assert answer.status_code == 202
    await catalog.encodings.finish(media_id, 2)
    assert (await client.get(f"/v1/medias/{media_id}")).json()["data"]["source_deleted_at"] is None
    assert (await client.get(f"/v1/medias/{media_id}/source")).content == FILM


async def test_a_file_that_is_needed_stays(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    processing, replaced, retried = await playable(catalog, storage), (await ready(catalog)).id, await ready(catalog)
    await catalog.replacements.encode(replaced)
    await catalog.retries.reopen(retried.id, "720p")
    for media_id, words in ((processing, "is Processing"), (replaced, "being replaced"), (retried.id, "tried again")):
        await storage.write(keys.source(media_id), FILM)
        answer = await client.delete(f"/v1/medias/{media_id}/source")
        assert answer.status_code == 409 and words in answer.json()["message"]
        assert (await client.get(f"/v1/medias/{media_id}/source")).content == FILM
    assert {row.status for row in await catalog.medias.renditions(retried.id, 1)} == {
        RenditionStatus.WAITING,
        RenditionStatus.READY,
    }


async def test_what_has_no_file_says_so(client: httpx.AsyncClient, catalog: Catalog) -> None:
    awaiting, lost = (await catalog.medias.create("Film")).id, (await ready(catalog)).id
    for media_id, words in ((awaiting, "awaits its upload"), (lost, "not in the storage")):
        answer = await client.get(f"/v1/medias/{media_id}/source")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_source")
        assert words in answer.json()["message"]
    assert (await client.head(f"/v1/medias/{awaiting}/source")).headers["Upload-Offset"] == "0"
    assert (await client.get(f"/v1/medias/{uuid4()}/source")).status_code == 404


async def test_a_link_needs_no_key_and_ends(settings: Settings, catalog: Catalog) -> None:
    async with uploaded(settings) as (client, media_id):
        before = (await client.get(f"/v1/medias/{media_id}")).headers["ETag"]
        answer = await client.post(f"/v1/medias/{media_id}/source/links", json={"ttl_s": 60})
        assert answer.status_code == 201, answer.text
        assert (await client.get(f"/v1/medias/{media_id}")).headers["ETag"] == before  # nothing has happened to it
        url = urlsplit(answer.json()["data"]["url"])
        place = f"{url.path}?{url.query}"
        found = await client.get(place, headers={"Range": "bytes=0-9"})
        assert (found.status_code, found.content) == (206, FILM[:10])
        until, _, signature = url.query.removeprefix("token=").partition(".")
        assert abs(int(until) - time.time() - 60) < 5
        other = (await client.post("/v1/medias", json={"title": "Another"})).json()["data"]["id"]
        forged = [
            f"{url.path}?token={int(until) + 1}.{signature}",
            f"{url.path}?token={until}.{signature[:-1]}",
            f"{url.path}?token=nonsense",
            f"{url.path}?token=%F0%9F%8E%AC.%00",
            f"/v1/medias/{other}/source?{url.query}",
            f"/v1/medias/{uuid4()}/source?{url.query}",
        ]
        for each in forged:
            refused = await client.get(each)
            assert (refused.status_code, refused.json()["code"]) == (403, "link_invalid"), each
        short = await client.post(f"/v1/medias/{media_id}/source/links", json={"ttl_s": 1})
        short_url = urlsplit(short.json()["data"]["url"])
        assert (await client.delete(f"/v1/medias/{other}/source/links")).status_code == 204  # another's
        assert (await client.get(place)).status_code == 200
        while time.time() < int(short_url.query.removeprefix("token=").partition(".")[0]):
            await asyncio.sleep(0.05)
        expired = await client.get(f"{short_url.path}?{short_url.query}")
        assert (expired.status_code, expired.json()["code"]) == (403, "link_expired")
        assert (await client.delete(f"/v1/medias/{media_id}/source/links")).status_code == 204
        assert (await client.get(place)).json()["code"] == "link_invalid"
        again = {"Idempotency-Key": "once"}
        for status in (201, 409):  # what has a token is not kept
            answer = await client.post(f"/v1/medias/{media_id}/source/links", headers=again)
            assert answer.status_code == status
        assert (await client.post(f"/v1/medias/{media_id}/source/links", json={"ttl_s": 10**9})).status_code == 400


async def test_a_bucket_gives_it_out_by_its_name(settings: Settings, s3_settings: S3Settings, catalog: Catalog) -> None:
    """Where segments are fetched from there, too."""
    s3 = s3_settings.model_copy(update={"serve": "redirect"})
    async with uploaded(settings.model_copy(update={"storage": StorageSettings(driver="s3", s3=s3)})) as (
        client,
        media_id,
    ):
        answer = await client.get(f"/v1/medias/{media_id}/source")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "no-store")
        async with httpx.AsyncClient() as browser:
            found = await browser.get(answer.headers["Location"], headers={"Range": "bytes=0-9"})
        assert (found.status_code, found.content) == (206, FILM[:10])
        assert "Film%3B%201%25.mp4" in found.headers["Content-Disposition"]
        assert (await client.head(f"/v1/medias/{media_id}/source")).headers["Content-Length"] == str(len(FILM))


class Breaking(httpx2.AsyncBaseTransport):
    """Breaks each download off after some bytes, but for the last."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client, self.ranges = client, list[str | None]()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._client.request(request.method, str(request.url), headers=dict(request.headers))
        self.ranges.append(request.headers.get("range"))

        async def content() -> AsyncIterator[bytes]:
            if len(self.ranges) < 3:
                yield answer.content[:100_000]
                raise httpx2.ReadError("broken")
            yield answer.content

        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=content())


async def test_the_client_goes_on_where_a_download_broke_off(
    settings: Settings, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.client.asynchronous.medias._POLL_S", 0)
    async with uploaded(settings) as (http, media_id):
        transport = Breaking(http)
        async with AsyncGilfoyle("http://localhost", transport=transport) as client:
            seen: list[int] = []
            await client.medias.download(media_id, tmp_path / "film.mp4", at=seen.append)
            assert (tmp_path / "film.mp4").read_bytes() == FILM
            assert transport.ranges == [None, "bytes=100000-", "bytes=200000-"]
            assert seen[-1] == len(FILM)
            await catalog.encodings.finish(UUID(media_id), 1)
            assert (await client.medias.get(media_id)).status == MediaStatus.READY
            await client.medias.delete_source(media_id)
            with pytest.raises(Gone):
                await client.medias.download(media_id, tmp_path / "film.mp4")
            assert (tmp_path / "film.mp4").read_bytes() == FILM
