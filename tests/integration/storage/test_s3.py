from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from gilfoyle.config import S3Settings, StorageSettings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage import open_storage
from gilfoyle.storage.base import Unfinished
from gilfoyle.storage.s3.backend import S3Storage
from gilfoyle.storage.stored import store_new
from gilfoyle.testing.resumable_contract import ResumableContract
from gilfoyle.testing.storage_contract import collect, keys_of, pieces
from tests.conftest import free_port
from tests.seaweed import Seaweed

MIB = 1 << 20


class TestContract(ResumableContract):
    @pytest.fixture
    async def storage(self, s3_settings: S3Settings) -> AsyncIterator[S3Storage]:
        storage = S3Storage(s3_settings)
        yield storage
        assert await unfinished(storage) == []
        await storage.close()


@pytest.fixture
async def storage(s3_settings: S3Settings) -> AsyncIterator[S3Storage]:
    storage = S3Storage(s3_settings)
    yield storage
    await storage.close()


async def unfinished(storage: S3Storage) -> list[Unfinished]:
    return [write async for write in storage.unfinished()]


async def test_opens_by_the_drivers_name(s3_settings: S3Settings) -> None:
    storage = open_storage(StorageSettings(driver="s3", s3=s3_settings))
    assert isinstance(storage, S3Storage)
    await storage.write("m/a", b"x")
    await storage.close()


@pytest.mark.parametrize("other", ["tests/{}x", "other/{}"])
async def test_two_prefixes_of_a_bucket_are_two_stores(s3_settings: S3Settings, other: str) -> None:
    prefix = s3_settings.prefix.removeprefix("tests/")  # "other/" is as long as "tests/"
    first = S3Storage(s3_settings)
    second = S3Storage(s3_settings.model_copy(update={"prefix": other.format(prefix)}))
    client = second._requests.client
    target = {"Bucket": s3_settings.bucket, "Key": f"{second._settings.prefix}/n/b"}
    begun = await asyncio.to_thread(client.create_multipart_upload, **target)
    await first.write("k/a", b"x")
    await second.write("n/a", b"x")
    assert await unfinished(first) == []
    assert [write.id for write in await unfinished(second)] == [begun["UploadId"]]
    assert await first.delete_prefix("k") == 1
    assert await keys_of(first, "n") == []
    assert await keys_of(second, "n") == ["n/a"]
    assert [name async for name in second.folders()] == ["n"]
    await asyncio.to_thread(client.abort_multipart_upload, **target, UploadId=begun["UploadId"])
    for storage in (first, second):
        await storage.close()


async def test_lies_where_the_settings_say(storage: S3Storage, s3_settings: S3Settings, s3_service: Seaweed) -> None:
    await storage.write("m/1/720p/00000.m4s", b"segment")
    await storage.write("m/1/master.m3u8", b"#EXTM3U\n")
    client = s3_service.client()

    def head(key: str) -> tuple[str, str]:
        found = client.head_object(Bucket=s3_settings.bucket, Key=f"{s3_settings.prefix}/{key}")
        return found["ContentType"], found["CacheControl"]

    assert head("m/1/720p/00000.m4s") == ("video/iso.segment", "public, max-age=31536000, immutable")
    assert head("m/1/master.m3u8") == ("application/vnd.apple.mpegurl", "no-cache")


async def test_a_large_object_goes_up_in_parts(storage: S3Storage) -> None:
    data = Random(5).randbytes(23 * MIB)  # of 5 MiB each, the last shorter
    info = await storage.write("m/source", pieces(data[: 7 * MIB], data[7 * MIB :]))
    assert info.etag.endswith("-5")
    assert (await storage.stat("m/source")).etag == info.etag
    assert await collect(storage.stream("m/source")) == data
    assert await collect(storage.stream("m/source", MIB + 1, 22 * MIB)) == data[MIB + 1 : 22 * MIB]
    assert (await storage.write("m/bytes", data)).etag == info.etag


def asked(storage: S3Storage) -> list[str]:
    """The operations that the service is asked for from now on."""
    operations: list[str] = []

    def note(model: Any, **_: object) -> None:
        operations.append(model.name)

    storage._requests.client.meta.events.register("before-call.s3", note)
    return operations


async def test_a_fresh_segment_costs_one_request(storage: S3Storage) -> None:
    assert await store_new(storage, "m/1/720p/00000.m4s", b"first")  # finds out whether the service can
    operations = asked(storage)
    for number in range(1, 5):
        assert await store_new(storage, f"m/1/720p/{number:05d}.m4s", b"x" * 3 * MIB)
    assert operations == ["PutObject"] * 4


async def test_a_segment_that_is_there_stays(storage: S3Storage) -> None:
    key = "m/1/720p/00000.m4s"
    assert await store_new(storage, key, b"first")
    before = await storage.stat(key)
    operations = asked(storage)
    assert not await store_new(storage, key, b"second")
    assert operations == ["PutObject"]
    assert (await storage.read(key), await storage.stat(key)) == (b"first", before)
    assert (before.size, await keys_of(storage, "m")) == (5, [key])
    assert [name async for name in storage.folders()] == ["m"]  # the trial's object is nobody's


async def test_of_many_that_write_at_once_one_does(storage: S3Storage) -> None:
    values = [bytes([number]) * 1000 for number in range(16)]
    stored = await asyncio.gather(*(storage.write_new("m/a", value) for value in values))
    assert stored.count(True) == 1
    assert await storage.read("m/a") == values[stored.index(True)]


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 5), (3, 4), (2 * MIB, None), (3 * MIB - 1, 9 * MIB), (4, 4), (0, 100 * MIB)]
)
async def test_reading_costs_one_request_and_tells_what_it_is(storage: S3Storage, start: int, end: int | None) -> None:
    data = Random(6).randbytes(3 * MIB)
    await storage.write("m/a.m4s", data)
    known = await storage.stat("m/a.m4s")
    operations = asked(storage)
    info, stream = await storage.open("m/a.m4s", start, end)
    assert (info, await collect(stream)) == (known, data[start:end])
    assert operations == (["HeadObject"] if start == end else ["GetObject"])


async def test_more_than_a_segment_is_read_ahead_in_ranges(storage: S3Storage) -> None:
    data = Random(7).randbytes(19 * MIB)
    await storage.write("m/source", data)
    operations = asked(storage)
    info, stream = await storage.open("m/source", MIB)
    assert (info.size, await collect(stream)) == (len(data), data[MIB:])
    assert operations == ["GetObject"] * 3


async def test_what_is_opened_and_not_there_is_said_at_once(storage: S3Storage) -> None:
    with pytest.raises(ObjectNotFound):
        await storage.open("m/nothing")
    await storage.write("m/empty", b"")
    for start in (0, 5):
        info, stream = await storage.open("m/empty", start)
        assert (info.size, await collect(stream)) == (0, b"")
    await storage.write("m/a", b"12345")
    info, stream = await storage.open("m/a", 5)
    assert (info.size, await collect(stream)) == (5, b"")


async def test_uploads_share_the_memory_that_a_process_has_for_them(s3_settings: S3Settings) -> None:
    storage = S3Storage(s3_settings.model_copy(update={"upload_memory_mb": 10}))  # two parts
    most = 0

    async def slowly(data: bytes) -> AsyncIterator[bytes]:
        nonlocal most
        for start in range(0, len(data), MIB // 2):
            yield data[start : start + MIB // 2]
            most = max(most, storage._memory.used)
            await asyncio.sleep(0.01)

    async def breaking() -> AsyncIterator[bytes]:
        async for piece in slowly(bytes(4 * MIB)):
            yield piece
        raise RuntimeError("cut")

    sent = {f"m{number}/source": Random(number).randbytes(6 * MIB + number) for number in range(8)}
    async with asyncio.timeout(60):
        failed = asyncio.create_task(storage.write("m/source", breaking()))
        await asyncio.gather(*(storage.write(key, slowly(data)) for key, data in sent.items()))
        with pytest.raises(RuntimeError, match="cut"):
            await failed
    for key, data in sent.items():
        assert await collect(storage.stream(key)) == data
    assert (storage._memory.used, await unfinished(storage)) == (0, [])
    assert 5 * MIB < most <= 10 * MIB
    await storage.close()


@pytest.mark.parametrize("parts", [0, 1, 4])
async def test_a_failing_upload_leaves_nothing(storage: S3Storage, parts: int) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(1)
        for _ in range(parts):
            yield bytes(5 * MIB)
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        await storage.write("m/source", failing())
    assert await keys_of(storage, "m") == []
    assert await unfinished(storage) == []


async def test_uploads_cancelled_at_any_moment_leave_all_or_nothing(storage: S3Storage) -> None:
    data = bytes(11 * MIB)
    outcomes = set()
    for step in range(12):
        try:
            async with asyncio.timeout(step * 0.02):
                await storage.write("m/source", pieces(data))
            outcomes.add("ended")
        except TimeoutError:
            outcomes.add("cancelled")
        assert await unfinished(storage) == []
        if await keys_of(storage, "m"):
            assert (await storage.stat("m/source")).size == len(data)
        await storage.delete("m/source")
    assert "cancelled" in outcomes


async def test_what_a_dead_process_has_left_is_found_and_removed(storage: S3Storage) -> None:
    def begin() -> None:
        upload = storage._requests.client.create_multipart_upload(**target)
        storage._requests.client.upload_part(**target, UploadId=upload["UploadId"], PartNumber=1, Body=bytes(5 * MIB))

    target = {"Bucket": storage._settings.bucket, "Key": f"{storage._settings.prefix}/m/source"}
    await asyncio.to_thread(begin)
    (left,) = await unfinished(storage)
    assert left.key == "m/source"
    assert abs(left.modified - time.time()) < 60
    assert await keys_of(storage, "m") == []
    await storage.abandon(left)
    await storage.abandon(left)
    assert await unfinished(storage) == []


async def test_lists_more_than_a_page(storage: S3Storage) -> None:
    names = [f"m/1/720p/{n:05d}.m4s" for n in range(1005)]

    async def write(some: list[str]) -> None:
        for name in some:
            await storage.write(name, b"x")

    await asyncio.gather(*(write(names[first::16]) for first in range(16)))
    assert await keys_of(storage, "m/1") == names
    assert await storage.delete_prefix("m") == 1005
    assert [name async for name in storage.folders()] == []


async def test_players_are_sent_where_the_settings_say(s3_settings: S3Settings, s3_service: Seaweed) -> None:
    async def url(**changes: object) -> str | None:
        storage = S3Storage(s3_settings.model_copy(update=changes))
        await storage.write("m/a.m4s", b"segment")
        found = await storage.player_url("m/a.m4s")
        await storage.close()
        return found

    assert await url() is None
    assert await url(public_url="https://cdn.example/films") is None
    cdn = await url(serve="redirect", public_url="https://cdn.example/films")
    assert cdn == "https://cdn.example/films/m/a.m4s"
    here = await url(serve="redirect", presign_s=77)
    assert here is not None and here.startswith(
        f"{s3_service.endpoint}/{s3_settings.bucket}/{s3_settings.prefix}/m/a.m4s?"
    )
    assert "X-Amz-Expires=77" in here
    other = await url(serve="redirect", player_endpoint=s3_service.endpoint.replace("127.0.0.1", "localhost"))
    assert other is not None and urlsplit(other).hostname == "localhost"
    async with httpx.AsyncClient() as client:
        for signed in (here, other):
            # What a browser sends that followed a redirect to another origin.
            answer = await client.get(signed, headers={"Origin": "null"})
            assert answer.content == b"segment"
            assert answer.headers["access-control-allow-origin"] in {"*", "null"}
        assert (
            await client.get(f"{s3_service.endpoint}/{s3_settings.bucket}/{s3_settings.prefix}/no?x")
        ).status_code == 403


async def test_a_presigned_url_of_what_is_missing_answers_404(s3_settings: S3Settings) -> None:
    storage = S3Storage(s3_settings.model_copy(update={"serve": "redirect"}))
    url = await storage.player_url("m/nothing")
    assert url is not None
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 404
    await storage.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret_access_key": SecretStr("wrong")}, "storage.s3.secret_access_key"),
        ({"access_key_id": "nobody"}, "storage.s3.access_key_id"),
        ({"bucket": "no-such-bucket"}, "there is no bucket no-such-bucket"),
    ],
)
async def test_what_will_not_pass_is_said_at_once(s3_settings: S3Settings, changes: dict[str, Any], words: str) -> None:
    storage = S3Storage(s3_settings.model_copy(update={"patience_s": 600, **changes}))
    calls = [
        storage.write("m/a", b"x"),
        storage.write("m/a", pieces(bytes(11 * MIB))),
        storage.read("m/a"),
        collect(storage.stream("m/a")),
        keys_of(storage, "m"),
        storage.delete("m/a"),
        storage.delete_prefix("m"),
        unfinished(storage),
    ]
    for call in calls:
        with pytest.raises(StorageError) as caught:
            await asyncio.wait_for(call, 60)
        assert words in caught.value.message
        assert caught.value.code == "storage_failed"
        assert "wrong" not in caught.value.message
        assert s3_settings.secret_access_key.get_secret_value() not in caught.value.message
    with pytest.raises(StorageError) as caught:  # HEAD tells no reason
        await asyncio.wait_for(storage.stat("m/a"), 60)
    assert caught.value.code == "storage_failed"
    await storage.close()


async def test_a_service_that_is_not_there_is_said_when_patience_ends(s3_settings: S3Settings) -> None:
    port = free_port()
    settings = s3_settings.model_copy(update={"endpoint": f"http://127.0.0.1:{port}", "patience_s": 0.5})
    storage = S3Storage(settings)
    with pytest.raises(StorageError, match=f"The object m/a can't be written: 127.0.0.1:{port} can't be reached"):
        await storage.write("m/a", b"x")
    await storage.close()


@pytest.fixture
async def other(s3_settings: S3Settings) -> AsyncIterator[S3Storage]:
    """The same store, as another process opens it."""
    storage = S3Storage(s3_settings)
    yield storage
    await storage.close()


async def failing(*values: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(*values):
        yield piece
    raise RuntimeError("cut")


async def test_an_object_grows_in_equal_parts_whoever_goes_on(
    storage: S3Storage, other: S3Storage, s3_settings: S3Settings
) -> None:
    """R2 wants them equal; a process may have other settings by now."""
    larger = S3Storage(s3_settings.model_copy(update={"part_mb": 8}))
    data = Random(8).randbytes(23 * MIB)
    await storage.begin("m/source")
    position = 0
    for process, size in ((storage, 7), (other, 1), (larger, 9), (storage, 6)):
        end = position + size * MIB
        assert await process.append("m/source", position, pieces(data[position:end])) == end
        position = end
    assert len(await unfinished(other)) == 1
    info = await other.finish("m/source")
    assert info.etag.endswith("-5")
    assert await collect(storage.stream("m/source")) == data
    await larger.close()


async def test_what_was_left_over_is_counted_once(storage: S3Storage, other: S3Storage) -> None:
    """It is beside until it has become the beginning of a part, which nobody may live to say."""
    data = Random(9).randbytes(13 * MIB)
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(data[: 7 * MIB]))
    with pytest.raises(RuntimeError):
        await storage.append("m/source", 7 * MIB, failing(data[7 * MIB : 8 * MIB]))
    assert await other.arrived("m/source") == 7 * MIB
    with pytest.raises(RuntimeError):
        await storage.append("m/source", 7 * MIB, failing(data[7 * MIB : 12 * MIB]))
    assert await other.arrived("m/source") == 10 * MIB
    await other.append("m/source", 10 * MIB, pieces(data[10 * MIB :]))
    await other.finish("m/source")
    assert await collect(storage.stream("m/source")) == data


@pytest.mark.parametrize("more", [1, 6])
async def test_parts_behind_a_gap_do_not_count(storage: S3Storage, more: int) -> None:
    """Of parts that were under way together when a process died, a later one may have arrived alone."""
    data = Random(10).randbytes(12 * MIB)
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(data[: 6 * MIB]))
    growing = await storage._growing("m/source").arrived()
    target = {"Bucket": storage._settings.bucket, "Key": f"{storage._settings.prefix}/m/source"}
    send = storage._requests.client.upload_part
    for number in (2, 3, 5):
        stale = {**target, "UploadId": growing.upload, "PartNumber": number, "Body": bytes(5 * MIB)}
        await asyncio.to_thread(send, **stale)
    assert await storage.arrived("m/source") == 6 * MIB
    await asyncio.sleep(1.1)  # of two parts of one number, SeaweedFS takes the later one, by the second
    end = (6 + more) * MIB
    assert await storage.append("m/source", 6 * MIB, pieces(data[6 * MIB : end])) == end
    assert await storage.arrived("m/source") == end
    await storage.finish("m/source")
    assert await collect(storage.stream("m/source")) == data[:end]


async def test_where_a_rule_of_the_bucket_aborted_it_nothing_has_arrived(storage: S3Storage) -> None:
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(bytes(6 * MIB)))
    growing = await storage._growing("m/source").arrived()
    await storage.abandon(Unfinished(growing.upload, "m/source", None, 0))
    for call in (storage.arrived, storage.finish):
        with pytest.raises(ObjectNotFound, match="from its beginning"):
            await call("m/source")
    (left,) = await unfinished(storage)
    assert (left.key, left.size) == ("m/source", 0)
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(b"new"))
    await storage.finish("m/source")
    assert (await storage.read("m/source"), await unfinished(storage)) == (b"new", [])


async def test_what_is_small_needs_no_parts(storage: S3Storage) -> None:
    operations = asked(storage)
    await storage.begin("m/source")
    await storage.append("m/source", 0, pieces(b"small"))
    await storage.finish("m/source")
    assert "CreateMultipartUpload" not in operations
    assert len(operations) <= 8
