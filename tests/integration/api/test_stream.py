from __future__ import annotations

import asyncio
import errno
import gzip
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from gilfoyle.catalog import Catalog
from gilfoyle.config import Settings
from gilfoyle.storage import FilesystemStorage, ObjectInfo, Storage, keys
from tests.integration.api.conftest import address, eventually, playable, processing, served

SEGMENT = bytes(range(256)) * 20
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
async def url(catalog: Catalog, storage: FilesystemStorage) -> str:
    return await address(catalog, await playable(catalog, storage))


async def test_before_there_is_anything_to_play_it_is_too_early(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    for media_id in (media.id, (await processing(catalog)).id):
        answer = await client.get(f"{await address(catalog, media_id)}/master.m3u8")
        assert (answer.status_code, answer.json()["code"]) == (425, "too_early")
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_it_plays_as_soon_as_it_is_playable(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media = await processing(catalog)
    await storage.write(keys.master_playlist(media.id, 1), b"#EXTM3U\n")
    url = f"{await address(catalog, media.id)}/master.m3u8"
    assert (await client.get(url)).status_code == 425
    await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.1)
    assert (await client.get(url)).status_code == 200


async def test_a_failed_media_will_never_play(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await processing(catalog)
    await catalog.encodings.fail(media.id, "no_streams", "The file has no streams.")
    answer = await client.get(f"{await address(catalog, media.id)}/master.m3u8")
    assert (answer.status_code, answer.json()["code"]) == (409, "media_errored")
    assert "no streams" in answer.json()["message"]


async def test_a_media_that_fails_half_way_stops_playing(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await playable(catalog, storage)
    await catalog.encodings.fail(media_id, "x", "y")
    assert (await client.get(f"{await address(catalog, media_id)}/master.m3u8")).status_code == 409


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl"),
        ("720p/index.m3u8", "application/vnd.apple.mpegurl"),
        ("720p/init.mp4", "video/mp4"),
        ("720p/00000.m4s", "video/iso.segment"),
        ("audio-128k/init.mp4", "audio/mp4"),
        ("audio-128k/00000.m4s", "audio/mp4"),
        ("poster.jpg", "image/jpeg"),
    ],
)
async def test_serves_each_object_with_its_type(live: httpx.AsyncClient, url: str, path: str, kind: str) -> None:
    answer = await live.get(f"{url}/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["Accept-Ranges"] == "bytes"
    head = await live.head(f"{url}/{path}")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Accept-Ranges"):
        assert head.headers[name] == answer.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=5000-", 5000, 5120),
        ("bytes=-20", 5100, 5120),
        ("bytes=-99999", 0, 5120),
        ("bytes=5119-99999", 5119, 5120),
    ],
)
async def test_serves_ranges(live: httpx.AsyncClient, url: str, asked: str, start: int, end: int) -> None:
    answer = await live.get(f"{url}/720p/00000.m4s", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, SEGMENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/5120"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=5120-", "bytes=99999-100000", "bytes=-0"])
async def test_a_range_outside_can_not_be_satisfied(live: httpx.AsyncClient, url: str, asked: str) -> None:
    answer = await live.get(f"{url}/720p/00000.m4s", headers={"Range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "bad_range")
    assert answer.headers["Content-Range"] == "bytes */5120"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-1", "lines=0-1", "bytes=a-b", "bytes=-", "", "x" * 900])
async def test_other_ranges_are_ignored(live: httpx.AsyncClient, url: str, asked: str) -> None:
    answer = await live.get(f"{url}/720p/00000.m4s", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, SEGMENT)


async def test_a_range_of_a_playlist(live: httpx.AsyncClient, url: str) -> None:
    answer = await live.get(f"{url}/720p/index.m3u8", headers={"Range": "bytes=0-6"})
    assert (answer.status_code, answer.content) == (206, b"#EXTM3U")
    assert "Content-Encoding" not in answer.headers


async def test_what_a_client_has_is_not_sent_again(live: httpx.AsyncClient, url: str) -> None:
    path = f"{url}/720p/00000.m4s"
    etag = (await live.get(path)).headers["ETag"]
    assert etag.startswith('"')
    for value in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await live.get(path, headers={"If-None-Match": value, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert (await live.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_if_range_guards_a_range(live: httpx.AsyncClient, url: str) -> None:
    path = f"{url}/720p/00000.m4s"
    etag = (await live.head(path)).headers["ETag"]
    for value, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)):
        assert (await live.get(path, headers={"Range": "bytes=0-1", "If-Range": value})).status_code == status


async def test_playlists_are_compressed_for_those_who_can(live: httpx.AsyncClient, url: str) -> None:
    zipped = await live.get(f"{url}/master.m3u8", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    plain = await live.get(f"{url}/master.m3u8", headers=PLAIN)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.content == plain.content
    assert int(zipped.headers["Content-Length"]) < len(plain.content) == int(plain.headers["Content-Length"])
    assert "Accept-Encoding" in zipped.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": zipped.headers["ETag"]}
    assert (await live.get(f"{url}/master.m3u8", headers=again)).status_code == 304
    segment = await live.get(f"{url}/720p/00000.m4s", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in segment.headers


async def test_caches_may_keep_segments_for_ever_and_playlists_once_they_are_done(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    one, two = await playable(catalog, storage), await playable(catalog, storage)
    await catalog.encodings.finish(two, 1)

    async def cache(media_id: object, path: str) -> str:
        return (await client.get(f"{await address(catalog, media_id)}/{path}")).headers["Cache-Control"]

    for path in ("720p/00000.m4s", "720p/init.mp4"):
        assert await cache(one, path) == "public, max-age=31536000, immutable"
    for path in ("master.m3u8", "720p/index.m3u8"):
        assert await cache(one, path) == "no-cache"
    assert await cache(two, "720p/index.m3u8") == "public, max-age=60"
    assert await cache(two, "master.m3u8") == "no-cache"  # tracks are added to it later


async def test_a_playlist_that_grows_changes_its_etag(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await playable(catalog, storage)
    path = f"{await address(catalog, media_id)}/720p/index.m3u8"
    first = await client.get(path)
    await storage.write(f"{media_id}/1/720p/index.m3u8", b"#EXTM3U\n00000.m4s\n00001.m4s\n")
    second = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.content.count(b"m4s")) == (200, 2)


async def test_players_on_other_sites_may_fetch(live: httpx.AsyncClient, url: str) -> None:
    answer = await live.get(f"{url}/720p/00000.m4s", headers={"Origin": "https://example.com"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("Content-Length", "Content-Range", "ETag"))
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    answer = await live.options(f"{url}/master.m3u8", headers={**asked, "Access-Control-Request-Headers": "range"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "missing.m4s", "720p", "720p/", "", "/", "720p/missing/x", "../source", "..%2fsource", "%2e%2e/%2e%2e/x",
        "../../x", "720p/../master.m3u8", "%00", "a%0Ab", "%ff", "a" * 1000, "/etc/passwd", "%2fetc%2fpasswd",
        "..\\source", "720p//index.m3u8", "./master.m3u8", "é.m3u8", "master.m3u8%00.jpg",
    ],
)  # fmt: skip
async def test_nothing_but_the_stream_can_be_reached(
    live: httpx.AsyncClient, storage: FilesystemStorage, url: str, path: str
) -> None:
    await storage.write(f"{url.split('/')[2]}/source", b"secret")
    reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
    writer.write(f"GET {url}/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    # uvicorn itself answers 400 to bytes that no URL may have.
    assert answer.split()[1] in ((b"404", b"400") if "é" in path else (b"404",))
    assert b"secret" not in answer


async def test_an_unknown_media_has_no_stream(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/stream/{uuid4()}/master.m3u8")).status_code == 404
    assert (await client.get("/stream/nonsense/1/master.m3u8")).status_code == 404


async def test_a_deleted_media_stops_playing_at_once(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.medias.DELETE_WAIT_S", 0.1)
    media_id = await playable(catalog, storage)
    url = await address(catalog, media_id)
    assert (await client.get(f"{url}/master.m3u8")).status_code == 200
    assert (await client.delete(f"/v1/medias/{media_id}")).status_code == 204
    assert (await client.get(f"{url}/master.m3u8")).status_code == 404


async def test_a_slow_reader_does_not_fill_the_memory_and_others_go_on(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    size = 64 << 20
    media_id = await playable(catalog, storage)
    url = await address(catalog, media_id)
    await storage.write(f"{media_id}/1/720p/00001.m4s", bytes(size))
    async with live.stream("GET", f"{url}/720p/00001.m4s") as slow:
        for _ in range(20):
            answer = await asyncio.wait_for(live.get(f"{url}/720p/00000.m4s"), 5)
            assert answer.content == SEGMENT
        count = 0
        async for piece in slow.aiter_raw():
            count += len(piece)
    assert count == size


async def test_the_kernel_sends_what_lies_on_a_local_disk(
    live: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    sendfile = os.sendfile
    monkeypatch.setattr(os, "sendfile", lambda *given: sent.append(sendfile(*given)) or sent[-1])

    async def told(count: int) -> None:  # the client may have it all before the server knows
        assert sum(sent) == count

    assert (await live.get(f"{url}/720p/00000.m4s", headers={"Accept-Encoding": "gzip"})).content == SEGMENT
    await eventually(lambda: told(len(SEGMENT)))
    part = await live.get(f"{url}/720p/00000.m4s", headers={"Range": "bytes=100-2099"})
    assert part.content == SEGMENT[100:2100]
    await eventually(lambda: told(len(SEGMENT) + 2000))


async def test_of_a_network_disk_threads_read(
    live: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, opening a file may take as long as it likes."""
    monkeypatch.setattr(FilesystemStorage, "open_file", lambda *_: None)
    monkeypatch.setattr(os, "sendfile", lambda *_: pytest.fail("was used"))
    assert (await live.get(f"{url}/720p/00000.m4s")).content == SEGMENT


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=-5"}, {"If-Range": '"other"'}])
async def test_what_goes_after_it_was_found_is_not_there(
    asked: dict[str, str], kept_in: Settings, kept: Storage, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than a status of 200 whose content never comes."""
    segment = f"{await address(catalog, await playable(catalog, kept, driver=kept_in.storage.driver))}/720p/00000.m4s"
    monkeypatch.setattr(FilesystemStorage, "open_file", lambda *_: None)
    stat = type(kept).stat

    async def stat_and_lose(storage: Storage, key: str) -> ObjectInfo:
        found = await stat(storage, key)
        await storage.delete(key)
        return found

    with served(kept_in) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            assert (await client.get(segment, headers=asked)).is_success
            monkeypatch.setattr(type(kept), "stat", stat_and_lose)
            answer = await client.get(segment, headers=asked or {"Range": "bytes=-5"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_where_the_disk_can_not_send_it_is_read(
    live: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "sendfile", refuse)
    for _ in range(2):
        assert (await live.get(f"{url}/720p/00000.m4s")).content == SEGMENT


async def test_segments_one_after_another_on_one_connection(live: httpx.AsyncClient, url: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
    writer.write(f"GET {url}/720p/00000.m4s HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 3)
    for _ in range(3):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(len(SEGMENT)) == SEGMENT
    writer.close()


async def test_who_leaves_half_way_leaves_no_file_open(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await playable(catalog, storage)
    url = await address(catalog, media_id)
    await storage.write(f"{media_id}/1/720p/00001.m4s", bytes(64 << 20))

    def open_files() -> int:
        found = 0
        for each in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                found += str(media_id) in str(each.readlink())
        return found

    async def none_open() -> None:
        assert open_files() == 0

    readers = []
    for _ in range(3):
        reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
        writer.write(f"GET {url}/720p/00001.m4s HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.readexactly(1000)
        readers.append(writer)
    assert open_files() == 3
    for writer in readers:
        writer.transport.abort()
    await eventually(none_open)
    assert (await live.get(f"{url}/720p/00000.m4s")).content == SEGMENT


async def test_an_empty_object(live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage) -> None:
    media_id = await playable(catalog, storage)
    await storage.write(f"{media_id}/1/text/en/00000.vtt", b"")
    answer = await live.get(f"{await address(catalog, media_id)}/text/en/00000.vtt")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


async def test_a_storage_that_serves_by_itself_is_pointed_at(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def player_url(self: FilesystemStorage, key: str) -> str:
        return f"https://cdn.example.com/{key}"

    media_id = await playable(catalog, storage)
    monkeypatch.setattr(FilesystemStorage, "player_url", player_url)
    with served(settings) as base:
        async with httpx.AsyncClient(base_url=f"{base}{await address(catalog, media_id)}") as client:
            answer = await client.get("/720p/00000.m4s")
            assert (answer.status_code, answer.headers["Location"]) == (
                307, f"https://cdn.example.com/{media_id}/1/720p/00000.m4s",
            )  # fmt: skip
            assert (await client.get("/master.m3u8")).status_code == 200


async def test_a_compressed_playlist_is_real_gzip(live: httpx.AsyncClient, url: str) -> None:
    async with live.stream("GET", f"{url}/master.m3u8", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert gzip.decompress(raw).startswith(b"#EXTM3U")


async def test_the_master_playlist_of_now_names_the_version(live: httpx.AsyncClient, url: str) -> None:
    latest = await live.get(f"{url.removesuffix('/1')}/master.m3u8")
    assert latest.text.splitlines()[:2] == ["#EXTM3U", "1/720p/index.m3u8"]
    assert latest.headers["Cache-Control"] == "no-cache"
    assert (await live.head(f"{url.removesuffix('/1')}/master.m3u8")).headers["ETag"] == latest.headers["ETag"]


async def test_a_version_that_another_process_has_published_is_seen_at_once(
    live: httpx.AsyncClient, url: str, catalog: Catalog, storage: FilesystemStorage
) -> None:
    """Its address comes from that process, and the next request may reach this one, which cached the old version."""
    unversioned = url.removesuffix("/1")
    master = await live.get(f"{unversioned}/master.m3u8")
    media = await catalog.playback.media(unversioned.rpartition("/")[2])
    await catalog.encodings.finish(media.id, 1)
    await catalog.replacements.encode(media.id)
    old, new = keys.encoding_prefix(media.id, 1), keys.encoding_prefix(media.id, 2)
    await storage.write(f"{new}/720p/00000.m4s", SEGMENT)
    await storage.write(f"{new}/master.m3u8", await storage.read(f"{old}/master.m3u8"))
    assert (await live.get(f"{unversioned}/2/720p/00000.m4s")).status_code == 404
    assert (await live.get(f"{unversioned}/master.m3u8")).content == master.content
    await catalog.encodings.finish(media.id, 2)
    assert (await live.get(f"{unversioned}/2/720p/00000.m4s")).content == SEGMENT


async def test_a_version_that_was_replaced_and_removed_is_not_looked_for(
    live: httpx.AsyncClient, url: str, catalog: Catalog, storage: FilesystemStorage
) -> None:
    unversioned = url.removesuffix("/1")
    assert (await live.get(f"{unversioned}/master.m3u8")).status_code == 200
    media = await catalog.playback.media(unversioned.rpartition("/")[2])
    await catalog.encodings.finish(media.id, 1)
    await catalog.replacements.encode(media.id)
    await storage.write(f"{keys.encoding_prefix(media.id, 2)}/master.m3u8", b"#EXTM3U\n720p/index.m3u8\n")
    await catalog.encodings.finish(media.id, 2)
    await storage.delete_prefix(keys.encoding_prefix(media.id, 1))
    latest = await live.get(f"{unversioned}/master.m3u8")
    assert latest.text.splitlines() == ["#EXTM3U", "2/720p/index.m3u8"]


@pytest.mark.parametrize("version", ["0", "2", "x", "-1", "99999999999"])
async def test_another_version_is_not_there(live: httpx.AsyncClient, url: str, version: str) -> None:
    answer = await live.get(f"{url.removesuffix('1')}{version}/master.m3u8")
    assert answer.status_code in (400, 404)


async def test_an_address_is_taken_back_and_another_given(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await playable(catalog, storage)
    first = (await catalog.playback.of(media_id))[0]
    second = (await live.post(f"/v1/medias/{media_id}/playback-ids")).json()["data"]["id"]
    assert (await live.get(f"/stream/{second}/master.m3u8")).status_code == 200
    assert (await live.get(f"/stream/{first}/master.m3u8")).status_code == 200
    assert (await live.delete(f"/v1/medias/{media_id}/playback-ids/{first}")).status_code == 204
    assert (await live.get(f"/stream/{first}/master.m3u8")).status_code == 404
    assert (await live.get(f"/stream/{first}/1/720p/00000.m4s")).status_code == 404
    shown = (await live.get(f"/v1/medias/{media_id}")).json()["data"]
    assert shown["playback_ids"] == [second] and second in shown["stream_url"]
    assert (await live.delete(f"/v1/medias/{media_id}/playback-ids/{first}")).status_code == 404
    assert (await live.delete(f"/v1/medias/{media_id}/playback-ids/{second}")).status_code == 204
    assert (await live.get(f"/v1/medias/{media_id}")).json()["data"]["stream_url"] is None


async def test_there_is_an_end_to_addresses(client: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    for _ in range(99):
        await catalog.playback.add(media.id)
    answer = await client.post(f"/v1/medias/{media.id}/playback-ids")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_ids")
    assert (await client.post(f"/v1/medias/{uuid4()}/playback-ids")).status_code == 404


@pytest.mark.parametrize("public", ["https://media.example.org", "https://example.org/video"])
async def test_addresses_are_those_that_clients_reach(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage, public: str
) -> None:
    media_id = await playable(catalog, storage)
    server = settings.server.model_copy(update={"public_url": public})
    with served(settings.model_copy(update={"server": server})) as base:
        async with httpx.AsyncClient(base_url=base) as client:
            shown = (await client.get(f"/v1/medias/{media_id}")).json()["data"]
    assert shown["stream_url"] == f"{public}/stream/{shown['playback_ids'][0]}/master.m3u8"
