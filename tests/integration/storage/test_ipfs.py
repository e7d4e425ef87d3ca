"""The contract, and what is IPFS's own: CIDs, pins, gateways, shared content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from gilfoyle.config import IpfsSettings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.base import ContentAddressed
from gilfoyle.storage.ipfs.backend import IpfsStorage
from gilfoyle.testing.resumable_contract import ResumableContract
from gilfoyle.testing.storage_contract import collect, keys_of, pieces
from tests.clips import clip
from tests.kubo_node import KuboNode, skip_module_without_kubo
from tests.sources import FFMPEG, FFPROBE

skip_module_without_kubo()


def settings(kubo: KuboNode, **others: object) -> IpfsSettings:
    """A folder of its own for each test."""
    return IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}", **others)


@pytest.fixture
async def storage(kubo: KuboNode) -> AsyncIterator[IpfsStorage]:
    storage = IpfsStorage(settings(kubo))
    yield storage
    assert [write async for write in storage.unfinished()] == []
    await storage.close()


class TestContract(ResumableContract):
    @pytest.fixture
    async def storage(self, kubo: KuboNode) -> AsyncIterator[IpfsStorage]:
        storage = IpfsStorage(settings(kubo))
        yield storage
        assert [write async for write in storage.unfinished()] == []
        await storage.close()


async def run(*command: str, folder: Path | None = None) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=folder)
    out, _ = await process.communicate()
    assert process.returncode == 0, command
    return out


async def test_is_content_addressed(storage: IpfsStorage) -> None:
    assert isinstance(storage, ContentAddressed)
    info = await storage.write("m/1/index.m3u8", b"#EXTM3U\n")
    assert info.etag == (await storage.stat("m/1/index.m3u8")).etag
    first = await storage.cid("m/1")
    await storage.write("m/1/00000.m4s", b"segment")
    assert await storage.cid("m/1") != first
    assert first.startswith("bafy")
    for missing in ("m/2", "m/1/index.m3u8"):
        with pytest.raises(ObjectNotFound):
            await storage.cid(missing)


async def test_parts_are_read_from_anywhere(storage: IpfsStorage) -> None:
    data = clip("bigbuckbunny.mp4").read_bytes()
    await storage.write("m/source", data)
    assert await collect(storage.stream("m/source", 100_000, 101_000)) == data[100_000:101_000]
    assert await collect(storage.stream("m/source", len(data) - 10)) == data[-10:]


async def test_a_folder_plays_from_a_gateway_by_its_cid(storage: IpfsStorage, kubo: KuboNode, tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "low").mkdir(parents=True)
    options = "-c copy -an -f hls -hls_segment_type fmp4 -hls_time 2 -hls_playlist_type vod index.m3u8"
    source = str(clip("bigbuckbunny.mp4"))
    await run(FFMPEG, "-v", "error", "-i", source, *options.split(), folder=made / "low")
    (made / "master.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlow/index.m3u8\n")
    for path in sorted(made.rglob("*.*")):
        await storage.write(f"m/1/{path.relative_to(made)}", path.read_bytes())
    url = f"{kubo.gateway}/ipfs/{await storage.cid('m/1')}/master.m3u8"
    options = "-v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0"
    packets = await run(FFPROBE, *options.split(), url)
    assert int(packets.split()[0].strip(b",")) == 132


async def test_pins_and_unpins_a_folder(storage: IpfsStorage, kubo: KuboNode) -> None:
    media = uuid4().hex
    await storage.write("m/1/00000.m4s", media.encode())
    cid = await storage.cid("m/1")
    await storage.pin(cid, "media m")
    await storage.pin(cid, "media m")
    assert f"{cid} recursive media m" in kubo.run("pin", "ls", "--type=recursive", "--names").split("\n")
    await storage.delete_prefix("m")
    kubo.run("repo", "gc")
    assert kubo.run("cat", f"{cid}/00000.m4s") == media
    await storage.unpin(cid)
    await storage.unpin(cid)
    assert cid not in kubo.run("pin", "ls", "--type=recursive")


async def test_pins_only_what_the_node_holds(storage: IpfsStorage) -> None:
    with pytest.raises(ObjectNotFound, match="doesn't hold"):
        await asyncio.wait_for(storage.pin("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", "x"), 10)


async def test_equal_medias_share_their_content_and_not_their_fate(storage: IpfsStorage, kubo: KuboNode) -> None:
    data = b"".join(uuid4().bytes for _ in range(200_000))
    for media in ("a", "b"):
        await storage.write(f"{media}/source", data)
        await storage.write(f"{media}/1/00000.m4s", data[:1000])
    assert await storage.cid("a") == await storage.cid("b")
    assert await storage.delete_prefix("a") == 2
    kubo.run("repo", "gc")
    assert await storage.read("b/source") == data
    assert await keys_of(storage, "a") == []
    await storage.delete_prefix("b")
    kubo.run("repo", "gc")
    with pytest.raises(ObjectNotFound):
        await storage.read("b/source")


async def test_a_reader_keeps_the_object_that_it_began(storage: IpfsStorage) -> None:
    await storage.write("m/source", b"a" * 5_000_000)
    stream = storage.stream("m/source")
    first = await anext(stream)
    await storage.write("m/source", b"b" * 5_000_000)
    assert first + await collect(stream) == b"a" * 5_000_000


async def test_players_are_sent_to_a_public_gateway_if_there_is_one(kubo: KuboNode) -> None:
    storage = IpfsStorage(settings(kubo, public_gateway=kubo.gateway))
    await storage.write("m/object", b"content")
    url = await storage.player_url("m/object")
    assert url == f"{kubo.gateway}/ipfs/{(await storage.stat('m/object')).etag}"
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).content == b"content"
    assert await storage.player_url("m/nothing") is None
    await storage.close()


async def test_a_file_where_a_folder_should_be_is_a_storage_error(storage: IpfsStorage) -> None:
    await storage.write("m/object", b"x")
    for key, reason in (("m/object/below", "a file is where a folder should be"), ("m", "a folder is in its place")):
        with pytest.raises(StorageError, match=reason):
            await storage.write(key, b"x")
    assert await keys_of(storage, "m") == ["m/object"]


async def test_several_stores_write_into_one_node(kubo: KuboNode) -> None:
    """As the processes of a cluster do: Kubo detaches a folder at each flush, and a change in it is made again."""
    shared = settings(kubo)
    stores = [IpfsStorage(shared) for _ in range(4)]
    names = [f"m/1/{rendition}p/{n:05d}.m4s" for n in range(15) for rendition in (360, 720)]

    async def write(number: int, store: IpfsStorage) -> None:
        for name in names[number :: len(stores)]:
            await store.write(name, name.encode())
            await store.write("m/1/index.m3u8", name.encode())

    await asyncio.gather(*(write(number, store) for number, store in enumerate(stores)))
    assert await keys_of(stores[0], "m") == sorted([*names, "m/1/index.m3u8"])
    for name in names:
        assert await stores[0].read(name) == name.encode()
    await asyncio.gather(stores[0].delete_prefix("m/1/360p"), stores[1].delete_prefix("m/1/720p"))
    assert await keys_of(stores[3], "m") == ["m/1/index.m3u8"]
    for store in stores:
        await store.close()


async def test_a_replacement_can_be_found_by_its_key_before_the_old_object_goes(
    storage: IpfsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.write("m/index.m3u8", b"old")
    move, moves = storage._node.move, []

    async def watched(source: str, target: str) -> None:
        moves.append((source, target))
        if target == storage._tree.path("m/index.m3u8"):
            assert storage._tree.replaces(source.rpartition("/")[2], "m/index.m3u8")
        await move(source, target)

    monkeypatch.setattr(storage._node, "move", watched)
    await storage.write("m/index.m3u8", b"new")
    assert len(moves) == 2
    assert await storage.read("m/index.m3u8") == b"new"


@pytest.mark.parametrize("links", [1024, 3])
async def test_what_grew_in_many_chunks_is_one_file(
    storage: IpfsStorage, kubo: KuboNode, monkeypatch: pytest.MonkeyPatch, links: int
) -> None:
    """Also where the node that joins them would have too many links, and more of them are made."""
    monkeypatch.setattr("gilfoyle.storage.ipfs.growing.CHUNK_BYTES", 300_000)
    monkeypatch.setattr("gilfoyle.storage.ipfs.unixfs.MOST_LINKS", links)
    film = clip("bigbuckbunny.mp4").read_bytes()
    data = (film * 10)[:5_000_017]
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(data[:1_700_000]))
    other = IpfsStorage(IpfsSettings(api=kubo.api, folder=storage._tree.folder))
    assert await other.arrived("m/source") == 1_700_000
    await other.append("m/source", 1_700_000, pieces(data[1_700_000:]))
    info = await other.finish("m/source")
    await other.close()
    assert (info.size, info.etag) == (len(data), (await storage.stat("m/source")).etag)
    assert await collect(storage.stream("m/source")) == data
    for start, end in ((299_999, 300_001), (1_699_990, 2_000_123), (4_999_000, None)):
        assert await collect(storage.stream("m/source", start, end)) == data[start:end]
    async with httpx.AsyncClient() as client:
        url = f"{kubo.gateway}/ipfs/{info.etag}"
        part = await client.get(url, headers={"Range": "bytes=599990-600009"})
    assert (part.status_code, part.content) == (206, data[599_990:600_010])
    await storage.pin(await storage.cid("m"), "m")
    await storage.unpin(await storage.cid("m"))


async def test_of_two_chunks_at_one_place_one_counts(storage: IpfsStorage) -> None:
    """As if a process had been stopped, another had gone on in its place, and it had awoken."""
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(b"1234"))
    await storage._write(storage._growing._beside, f"m,source/{4:020d}-1", b"stale")
    await storage._write(storage._growing._beside, f"m,source/{4:020d}-2", b"56")
    assert await storage.arrived("m/source") == 6
    await storage._write(storage._growing._beside, f"m,source/{100:020d}-3", b"behind a gap")
    await storage.append("m/source", 6, pieces(b"78"))
    await storage.finish("m/source")
    assert await storage.read("m/source") == b"12345678"
