"""`/v1/medias/{media_id}/attachments`: small files beside a media, on a folder, S3 and IPFS."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest

from gilfoyle.catalog import Catalog
from gilfoyle.config import IpfsSettings, LimitSettings, S3Settings, Settings, StorageSettings
from gilfoyle.storage import FilesystemStorage, Storage, keys, open_storage
from tests.integration.api.calling import calling
from tests.integration.api.conftest import served
from tests.kubo_node import KuboNode, skip_module_without_kubo

skip_module_without_kubo()

LIMIT = 1 << 20
PDF = b"%PDF-1.7 " + bytes(range(256)) * 40
SHA256 = hashlib.sha256(PDF).hexdigest()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings, with a small limit."""
    return settings.model_copy(update={"limits": LimitSettings(attachment_bytes=LIMIT)})


@pytest.fixture(params=["filesystem", "s3", "ipfs"])
def kept_in(request: pytest.FixtureRequest, settings: Settings, s3_settings: S3Settings, kubo: KuboNode) -> Settings:
    """The settings, with that backend."""
    storage = settings.storage
    if request.param == "s3":
        storage = StorageSettings(driver="s3", s3=s3_settings)
    elif request.param == "ipfs":
        ipfs = IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}")
        storage = StorageSettings(driver="ipfs", ipfs=ipfs)
    return settings.model_copy(update={"storage": storage})


@pytest.fixture
async def kept(kept_in: Settings) -> AsyncIterator[Storage]:
    storage = open_storage(kept_in.storage)
    yield storage
    await storage.close()


async def new_media(client: httpx.AsyncClient) -> UUID:
    return UUID((await client.post("/v1/medias", json={"title": "Film"})).json()["data"]["id"])


def path(media_id: UUID, name: str = "") -> str:
    return f"/v1/medias/{media_id}/attachments" + (f"/{quote(name, safe='')}" if name else "")


async def add(client: httpx.AsyncClient, media_id: UUID, name: str, data: bytes = PDF) -> httpx.Response:
    return await client.post(path(media_id), files={"file": (name, data)})


async def names(client: httpx.AsyncClient, media_id: UUID) -> list[str]:
    return [each["name"] for each in (await client.get(path(media_id))).json()["data"]]


async def stored(storage: Storage, media_id: UUID) -> list[bytes]:
    return [await storage.read(item.key) async for item in storage.list(f"{media_id}/attachments")]


async def test_a_file_is_kept_and_given_back(kept_in: Settings, kept: Storage) -> None:
    async with calling(kept_in) as client:
        media_id = await new_media(client)
        added = await add(client, media_id, "Lizenz (Ü).pdf")
        shown = added.json()["data"]
        assert added.status_code == 201
        assert {name: shown[name] for name in ("name", "media_type", "bytes", "sha256")} == {
            "name": "Lizenz (Ü).pdf",
            "media_type": "application/pdf",
            "bytes": len(PDF),
            "sha256": SHA256,
        }
        assert shown["url"] == added.headers["Location"] == f"http://localhost{path(media_id, 'Lizenz (Ü).pdf')}"
        assert (await client.get(path(media_id))).json()["data"] == [shown]
        assert await stored(kept, media_id) == [PDF]

        given = await client.get(shown["url"])
        assert (given.status_code, given.content) == (200, PDF)
        assert given.headers["Content-Type"] == "application/pdf"
        assert given.headers["Content-Disposition"] == (
            "attachment; filename=\"Lizenz (_).pdf\"; filename*=UTF-8''Lizenz%20%28%C3%9C%29.pdf"
        )
        assert given.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in given.headers["Content-Security-Policy"]
        part = await client.get(shown["url"], headers={"Range": "bytes=9-12"})
        assert (part.status_code, part.content) == (206, bytes(range(4)))
        etag = {"If-None-Match": given.headers["ETag"]}
        assert (await client.get(shown["url"], headers=etag)).status_code == 304
        assert (await client.head(shown["url"])).headers["Content-Length"] == str(len(PDF))
        assert (await client.get(shown["url"], headers={"Range": "bytes=99999-"})).status_code == 416

        replaced = await client.put(path(media_id, "Lizenz (Ü).pdf"), content=b"another")
        assert (replaced.status_code, replaced.json()["data"]["bytes"]) == (200, 7)
        assert await stored(kept, media_id) == [b"another"]
        assert (await client.get(shown["url"], headers=etag)).content == b"another"

        assert (await client.delete(shown["url"])).status_code == 204
        assert (await client.delete(shown["url"])).status_code == 404
        assert (await client.get(shown["url"])).status_code == 404
        assert (await names(client, media_id), await stored(kept, media_id)) == ([], [])


async def test_curl_sends_one(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "film.srt").write_bytes(b"1\n")
    with served(settings) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            media_id = await new_media(client)
            for arguments in (["-T", "film.srt", f"{url}{path(media_id)}/"], ["-F", "file=@film.srt;filename=2.srt"]):
                target = [] if arguments[0] == "-T" else [f"{url}{path(media_id)}"]
                command = ["curl", "-sS", "--fail", *arguments, *target]
                await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, check=True, capture_output=True)
            found = (await client.get(path(media_id))).json()["data"]
    assert [(each["name"], each["media_type"]) for each in found] == [
        ("2.srt", "application/x-subrip"),
        ("film.srt", "application/x-subrip"),
    ]


@pytest.mark.parametrize(
    "name, media_type",
    [
        ("a.txt", "text/plain"), ("a.PDF", "application/pdf"), ("a.vtt", "text/vtt"), ("a.webp", "image/webp"),
        ("README", "application/octet-stream"), ("a.tar.gz", "application/octet-stream"),
        (".hidden", "application/octet-stream"), ("a.unknown", "application/octet-stream"),
        ("a.b/c.json", "application/json"),
    ],
)  # fmt: skip
async def test_its_type_is_told_by_its_name(client: httpx.AsyncClient, name: str, media_type: str) -> None:
    shown = (await add(client, await new_media(client), name)).json()["data"]
    assert shown["media_type"] == media_type
    assert (await client.get(shown["url"])).headers["Content-Type"].partition(";")[0] == media_type


async def test_a_form_gives_a_name_without_folders(client: httpx.AsyncClient) -> None:
    media_id = await new_media(client)
    for sent in ("../../etc/passwd", "C:\\films\\a.srt"):
        assert (await add(client, media_id, sent)).status_code == 201
    assert await names(client, media_id) == ["a.srt", "passwd"]


async def test_a_second_of_one_name_is_refused_unless_it_is_put_there(
    client: httpx.AsyncClient, storage: FilesystemStorage
) -> None:
    media_id = await new_media(client)
    assert (await client.put(path(media_id, "a.pdf"), content=PDF)).status_code == 201
    again = await add(client, media_id, "a.pdf", b"other")
    assert (again.status_code, again.json()["code"]) == (409, "attachment_exists")
    assert await stored(storage, media_id) == [PDF]


@pytest.mark.parametrize(
    "name",
    ["a%2Fb.pdf", "..%2Fsource", "a%00b", "a%5Cb", "%E2%80%AEfdp.exe", "x" * 256, "%20a", "%2E%2E%2Fa", "a/b", ""],
)
async def test_what_is_no_name_is_refused(live: httpx.AsyncClient, storage: FilesystemStorage, name: str) -> None:
    media_id = await new_media(live)
    url = httpx.URL(str(live.base_url)).copy_with(raw_path=f"{path(media_id)}/{name}".encode())
    refused = await live.put(url, content=b"x")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert "name" in refused.json()["message"]
    for answer in (await live.get(url), await live.delete(url)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await stored(storage, media_id) == []


@pytest.mark.parametrize("name", ["..", "%2e%2e", ".", "a%0Ab", "%2E%2E%2F%2E%2E%2Fsource"])
async def test_no_name_leads_out(live: httpx.AsyncClient, storage: FilesystemStorage, name: str) -> None:
    media_id = await new_media(live)
    head = f"PUT {path(media_id)}/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
    reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
    writer.write(head.encode())
    status = (await reader.read()).split(b" ")[1]
    writer.close()
    await writer.wait_closed()
    assert status in (b"400", b"404", b"405")
    assert [item.key async for item in storage.list(str(media_id))] == []


async def test_they_stay_where_they_are_when_new_medias_go_elsewhere(
    settings: Settings, s3_settings: S3Settings, catalog: Catalog
) -> None:
    """A media that awaits its upload, or is Errored, and whose file comes when the driver is another."""
    async with calling(settings) as client:
        waiting, failed = await new_media(client), await new_media(client)
        for media_id in (waiting, failed):
            assert (await add(client, media_id, "a.pdf")).status_code == 201
        assert (await client.put(f"/v1/medias/{failed}/source", content=b"x")).status_code == 202
        await catalog.encodings.fail(failed, "damaged", "It is damaged.")
    changed = settings.storage.model_copy(update={"driver": "s3", "s3": s3_settings})
    async with calling(settings.model_copy(update={"storage": changed})) as client:
        for media_id in (waiting, failed):
            assert (await client.put(f"/v1/medias/{media_id}/source", content=b"film")).status_code == 202
            shown = (await client.get(f"/v1/medias/{media_id}")).json()["data"]
            assert (shown["status"], shown["storage"]) == ("Processing", "filesystem")
            assert (await client.get(path(media_id, "a.pdf"))).content == PDF
        assert (await client.get(f"/v1/medias/{await new_media(client)}")).json()["data"]["storage"] == "s3"


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "empty": ({"files": {"file": ("a.pdf", b"")}}, 400, "empty_file"),
    "too large": ({"files": {"file": ("a.pdf", bytes(LIMIT + 1))}}, 413, "too_large"),
    "far too large": ({"files": {"file": ("a.pdf", bytes(3 * LIMIT))}}, 413, "too_large"),
    "no file": ({"files": {"other": ("a.pdf", PDF)}}, 400, "invalid_request"),
    "no name": ({"files": {"file": (None, PDF)}}, 400, "invalid_request"),
    "no form": ({"content": PDF}, 400, "not_multipart"),
    "other checksum": ({"files": {"file": ("a.pdf", PDF)}, "data": {"sha256": "0" * 64}}, 400, "checksum_mismatch"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_leaves_nothing(live: httpx.AsyncClient, storage: FilesystemStorage, name: str) -> None:
    how, status, code = WRONG[name]
    media_id = await new_media(live)
    answer = await live.post(path(media_id), **how)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await names(live, media_id), await stored(storage, media_id)) == ([], [])


async def test_a_body_is_held_to_its_limit_and_checksum(live: httpx.AsyncClient, storage: FilesystemStorage) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield bytes(LIMIT // 32)

    media_id, other = await new_media(live), base64.b64encode(bytes(32)).decode()
    for content, headers, status, code in (
        (bytes(LIMIT + 1), {}, 413, "too_large"),
        (pieces(), {}, 413, "too_large"),
        (b"", {}, 400, "empty_file"),
        (PDF, {"Repr-Digest": f"sha-256=:{other}:"}, 400, "checksum_mismatch"),
        (PDF, {"Content-Range": f"bytes 0-{len(PDF) - 1}/{len(PDF)}"}, 400, "invalid_request"),
        (PDF, {"Content-Type": "multipart/form-data; boundary=x"}, 400, "invalid_request"),
    ):
        answer = await live.put(path(media_id, "a.pdf"), content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await stored(storage, media_id) == []
    assert (await live.put(path(media_id, "a.pdf"), content=bytes(LIMIT))).status_code == 201


async def test_a_media_has_a_hundred_at_most(client: httpx.AsyncClient, storage: FilesystemStorage) -> None:
    media_id = await new_media(client)
    for number in range(100):
        assert (await client.put(path(media_id, f"{number}.txt"), content=b"x")).status_code == 201
    for answer in (await add(client, media_id, "more.txt"), await client.put(path(media_id, "m.txt"), content=b"x")):
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_attachments")
    assert (await client.put(path(media_id, "0.txt"), content=b"y")).status_code == 200
    assert len(await stored(storage, media_id)) == 100


async def test_of_many_at_once_one_is_kept(live: httpx.AsyncClient, storage: FilesystemStorage) -> None:
    media_id = await new_media(live)
    answers = await asyncio.gather(*(add(live, media_id, "a.txt", str(n).encode()) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    puts = (live.put(path(media_id, "a.txt"), content=str(n).encode()) for n in range(8))
    assert {answer.status_code for answer in await asyncio.gather(*puts)} == {200}
    [left] = await stored(storage, media_id)
    assert (await live.get(path(media_id, "a.txt"))).content == left


async def test_of_a_media_that_is_not_there_or_is_being_deleted(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(client)
    assert (await add(client, media_id, "a.pdf")).status_code == 201
    await catalog.medias.mark_deleting(media_id)
    for gone in (media_id, uuid4()):
        for answer in (
            await client.get(path(gone)),
            await add(client, gone, "b.pdf"),
            await client.put(path(gone, "b.pdf"), content=PDF),
            await client.get(path(gone, "a.pdf")),
            await client.delete(path(gone, "a.pdf")),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await stored(storage, media_id) == [PDF]
    await catalog.medias.remove(media_id)
    assert await catalog.attachments.of(media_id) == []


async def test_one_that_is_added_while_its_media_is_deleted_goes_too(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(live)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await catalog.medias.mark_deleting(media_id)
        yield b"y"

    answer = await live.put(path(media_id, "a.txt"), content=pieces())
    assert (answer.status_code, await stored(storage, media_id)) == (404, [])


async def test_one_whose_media_moves_meanwhile_is_sent_again(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(live)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        while not [each async for each in storage.unfinished()]:  # the server has looked where the media lies
            await asyncio.sleep(0.01)
        assert await catalog.moves.switch(await catalog.medias.get(media_id), "s3")
        yield b"y"

    answer = await live.put(path(media_id, "a.txt"), content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await stored(storage, media_id) == []


async def test_a_move_that_copied_before_does_not_count(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(client)
    for change in (add(client, media_id, "a.pdf"), client.delete(path(media_id, "a.pdf"))):
        before = await catalog.medias.get(media_id)
        await change
        assert not await catalog.moves.switch(before, "s3")


async def test_what_a_storage_lost_is_not_found(client: httpx.AsyncClient, storage: FilesystemStorage) -> None:
    media_id = await new_media(client)
    shown = (await add(client, media_id, "a.pdf")).json()["data"]
    await storage.delete_prefix(keys.media_prefix(media_id))
    answer = await client.get(shown["url"])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
