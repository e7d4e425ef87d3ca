"""What happens when the node dies, comes back, stays away, or is something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from gilfoyle.config import IpfsSettings
from gilfoyle.errors import ConfigError, ObjectNotFound, StorageError
from gilfoyle.storage.base import CHUNK_BYTES
from gilfoyle.storage.ipfs.backend import IpfsStorage
from gilfoyle.testing.storage_contract import keys_of, pieces
from tests.conftest import free_port
from tests.kubo_node import KuboNode, kubo_node, skip_module_without_kubo

skip_module_without_kubo()


@pytest.fixture(scope="module")
def node() -> Iterator[KuboNode]:
    with kubo_node() as running:
        yield running


@pytest.fixture
async def storage(node: KuboNode) -> AsyncIterator[IpfsStorage]:
    storage = IpfsStorage(IpfsSettings(api=node.api))
    yield storage
    await storage.delete_prefix("m")
    await storage.close()


async def killed_and_started(node: KuboNode, after_s: float = 0) -> None:
    node.kill()
    await asyncio.sleep(after_s)
    await asyncio.to_thread(node.start)


async def test_what_was_written_survives_a_kill(storage: IpfsStorage, node: KuboNode) -> None:
    for n in range(3):
        await storage.write(f"m/{n}", f"{n}".encode())
        node.kill()
        await asyncio.to_thread(node.start)
        assert await storage.read(f"m/{n}") == f"{n}".encode()
    await storage.write("m/0", b"replaced")
    await killed_and_started(node)
    assert await storage.read("m/0") == b"replaced"
    await storage.delete("m/0")
    await killed_and_started(node)
    assert await keys_of(storage, "m") == ["m/1", "m/2"]


async def test_nothing_that_returned_is_lost_among_many_writers(storage: IpfsStorage, node: KuboNode) -> None:
    returned: list[str] = []

    async def write(writer: int) -> None:
        for n in range(1000):
            key = f"m/{writer}/{n:05d}"
            await storage.write(key, key.encode() * 1000)
            returned.append(key)

    writers = [asyncio.create_task(write(writer)) for writer in range(6)]
    while len(returned) < 40:
        await asyncio.sleep(0.01)
    node.kill()
    survivors = list(returned)
    for writer in writers:
        writer.cancel()
    await asyncio.to_thread(node.start)
    await asyncio.gather(*writers, return_exceptions=True)
    for key in survivors:
        assert await storage.read(key) == key.encode() * 1000
    async for found in storage.list("m"):
        assert found.size == len(found.key) * 1000


async def test_a_restart_in_the_middle_is_waited_for(storage: IpfsStorage, node: KuboNode) -> None:
    data = {f"m/{n:05d}": bytes([n]) * 700_000 for n in range(30)}
    returned: set[str] = set()
    killed = asyncio.Event()

    async def write(key: str) -> None:
        await storage.write(key, data[key])
        returned.add(key)

    async def read() -> None:
        for _ in range(20):
            async for found in storage.list("m"):
                safe = found.key in returned
                try:
                    assert await storage.read(found.key) == data[found.key]
                except ObjectNotFound:  # What is listed before its write has returned may go with the node once more.
                    assert killed.is_set() and not safe

    writing = asyncio.gather(*map(write, data), read())
    await asyncio.sleep(0.15)
    killed.set()
    await killed_and_started(node, 0.5)
    await writing
    assert await keys_of(storage, "m") == sorted(data)
    for key, value in data.items():
        assert await storage.read(key) == value
    assert [write async for write in storage.unfinished() if write.key] == []


async def test_a_stream_goes_on_after_a_restart(storage: IpfsStorage, node: KuboNode) -> None:
    data = b"".join(bytes([n]) * CHUNK_BYTES for n in range(40))
    await storage.write("m/source", data)
    got = []
    async for piece in storage.stream("m/source"):
        got.append(piece)
        if len(got) == 3:
            await killed_and_started(node)
    assert b"".join(got) == data


async def test_an_upload_that_the_node_breaks_off_fails_and_leaves_nothing(
    storage: IpfsStorage, node: KuboNode
) -> None:
    async def upload() -> AsyncIterator[bytes]:
        for n in range(100):
            yield bytes([n]) * CHUNK_BYTES
            if n == 5:
                await killed_and_started(node)

    with pytest.raises(StorageError, match="does the daemon still run") as caught:
        await storage.write("m/source", upload())
    assert caught.value.retryable
    with pytest.raises(ObjectNotFound):
        await storage.stat("m/source")
    await storage.write("m/source", b"again")
    assert await storage.read("m/source") == b"again"


async def test_an_object_that_never_got_its_place_is_known_and_can_be_dropped(
    storage: IpfsStorage, node: KuboNode
) -> None:
    await storage.write("m/x", b"x")
    left = "1000-0123456789abcdef0123456789abcdef"
    node.run("files", "cp", f"/ipfs/{(await storage.stat('m/x')).etag}", f"/gilfoyle.tmp/{left}")
    (write,) = [found async for found in storage.unfinished() if found.id == left]
    assert (write.size, write.modified) == (1, 1000)
    await storage.abandon(write)
    await storage.abandon(write)
    assert left not in [found.id async for found in storage.unfinished()]


async def test_a_reader_finds_an_object_while_it_is_replaced(storage: IpfsStorage, node: KuboNode) -> None:
    """The state in the middle of `files/mv`: the old object is gone, the new one still staged."""
    await storage.write("m/index.m3u8", b"new")
    new = (await storage.stat("m/index.m3u8")).etag
    await storage.delete("m/index.m3u8")
    staged = "/gilfoyle.tmp/m,index.m3u8,1000-0123456789abcdef0123456789abcdef"
    node.run("files", "cp", f"/ipfs/{new}", staged)
    assert await storage.read("m/index.m3u8") == b"new"
    with pytest.raises(ObjectNotFound):
        await storage.read("m/index")
    node.run("files", "rm", staged)
    with pytest.raises(ObjectNotFound):
        await storage.read("m/index.m3u8")


async def test_a_lost_block_is_said_and_not_waited_for(storage: IpfsStorage, node: KuboNode) -> None:
    data = b"".join(bytes([n]) * CHUNK_BYTES for n in range(3))
    await storage.write("m/source", data)
    for line in node.run("refs", (await storage.stat("m/source")).etag).split()[1:2]:
        node.run("block", "rm", line)
    with pytest.raises(ObjectNotFound, match="or lost it"):
        await asyncio.wait_for(storage.read("m/source"), 10)
    with pytest.raises(ObjectNotFound):
        await asyncio.wait_for(storage.pin(await storage.cid("m"), "m"), 10)


async def test_the_staging_folder_is_made_again(storage: IpfsStorage, node: KuboNode) -> None:
    await storage.write("m/a", b"a")
    node.run("files", "rm", "-r", "/gilfoyle.tmp")
    await storage.write("m/b", b"b")
    assert "gilfoyle.tmp" in node.run("files", "ls", "/").split()
    node.run("files", "rm", "-r", "/gilfoyle.tmp")
    assert await storage.delete_prefix("m") == 2
    assert await keys_of(storage, "m") == []


async def answer(status: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello".encode())
    writer.close()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("200 OK", "is not Kubo's RPC API"),
        ("403 Forbidden", "refuses access"),
        ("502 Bad Gateway", "a proxy before it"),
    ],
)
async def test_what_is_not_a_kubo_is_called_so(status: str, says: str) -> None:
    server = await asyncio.start_server(lambda *both: answer(status, *both), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage = IpfsStorage(IpfsSettings(api=f"http://127.0.0.1:{port}", patience_s=0))
    for call in (storage.read("m/x"), storage.write("m/x", b"x"), storage.write("m/x", pieces(b"x")), storage.cid("m")):
        with pytest.raises(StorageError, match=says) as caught:
            await call
        assert not isinstance(caught.value, ObjectNotFound)
    await storage.close()
    server.close()


async def test_a_gateway_is_not_the_api(node: KuboNode) -> None:
    storage = IpfsStorage(IpfsSettings(api=node.gateway))
    with pytest.raises(StorageError, match="the gateway's address"):
        await storage.read("m/x")
    await storage.close()


async def test_a_node_that_stays_away_is_named() -> None:
    api = f"http://127.0.0.1:{free_port()}"
    storage = IpfsStorage(IpfsSettings(api=api, patience_s=0.2))
    for call in (storage.read("m/x"), storage.write("m/x", b"x"), storage.delete("m/x"), storage.stat("m/x")):
        with pytest.raises(StorageError, match=f"can't be reached at {api}: is the daemon running") as caught:
            await call
        assert caught.value.retryable
    await storage.close()


async def test_a_node_that_is_silent_is_given_up() -> None:
    over, closed = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()
        await writer.wait_closed()
        closed.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage = IpfsStorage(IpfsSettings(api=f"http://127.0.0.1:{port}", patience_s=0, timeout_s=1))
    with pytest.raises(StorageError, match="silent for 1 s"):
        await storage.read("m/x")
    over.set()
    await closed.wait()
    await storage.close()
    server.close()


def test_no_address_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"storage\.ipfs\.api"):
        IpfsStorage(IpfsSettings(api=""))
