from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from gilfoyle.errors import ConfigError, ObjectNotFound, StorageError
from gilfoyle.storage.base import CHUNK_BYTES
from gilfoyle.storage.ipfs.body import AHEAD, Body
from gilfoyle.storage.ipfs.kubo import TransientError, multiaddress, refusal, status_error
from gilfoyle.storage.ipfs.tree import Tree


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http"),
        ("http://kubo.internal:5001", "/dns/kubo.internal/tcp/5001/http"),
        ("https://user:secret@kubo.internal/ipfs", "/dns/kubo.internal/tcp/443/https"),
        ("http://[::1]:5001", "/ip6/::1/tcp/5001/http"),
    ],
)
def test_a_url_as_multiaddress(url: str, address: str) -> None:
    assert multiaddress(url) == address


@pytest.mark.parametrize("url", ["", "http://host:port", "http://host:99999"])
def test_what_is_no_address_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigError, match=r"storage\.ipfs\.api"):
        multiaddress(url)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("file does not exist", ObjectNotFound),
        ("block was not found locally (offline): ipld: could not find bafk", ObjectNotFound),
        ("failed to fetch all nodes", ObjectNotFound),
        ("not pinned or pinned indirectly", ObjectNotFound),
        ("write /data: no space left on device", StorageError),
        ("context deadline exceeded", TransientError),
        ("directory already has entry by that name", TransientError),
    ],
)
def test_a_refusal_of_kubo(message: str, kind: type[StorageError]) -> None:
    error = refusal(message)
    assert type(error) is kind
    assert message in error.message


@pytest.mark.parametrize(("status", "passes"), [(403, False), (404, False), (405, False), (500, True), (502, True)])
def test_a_status_that_is_not_a_command_s(status: int, passes: bool) -> None:
    assert isinstance(status_error(status, "http://kubo:5001"), TransientError) is passes


def test_staged_names() -> None:
    tree = Tree("/gilfoyle")
    assert (tree.path("m/1/x"), tree.path(""), tree.staging) == ("/gilfoyle/m/1/x", "/gilfoyle", "/gilfoyle.tmp")
    assert Tree("/a/b").staging == "/a.b.tmp"
    name = tree.stage()
    replacement = tree.replacement("m/1/index.m3u8", name)
    assert "/" not in replacement
    assert tree.replaces(replacement, "m/1/index.m3u8")
    for other in ("m/1/index.m3u", "1/index.m3u8", "m", ""):
        assert not tree.replaces(replacement, other)
    assert not tree.replaces(name, "m/1/index.m3u8")
    write = tree.unfinished(replacement, 5)
    assert (write.id, write.key, write.size) == (replacement, "m/1/index.m3u8", 5)
    assert write.modified == float(name.partition("-")[0])
    assert tree.unfinished(name, 5).key == ""
    assert tree.unfinished("something else", None).modified == 0


async def test_a_body_waits_for_its_reader() -> None:
    body, given, got = Body(), 0, bytearray()

    async def data() -> AsyncIterator[bytes]:
        nonlocal given
        for n in range(12):
            given += 1
            yield bytes([n]) * CHUNK_BYTES

    feeding = asyncio.create_task(body.feed(data()))
    await asyncio.sleep(0.05)
    assert given <= AHEAD + 1
    await asyncio.gather(feeding, asyncio.to_thread(lambda: [got.extend(piece) for piece in body]))
    assert (bytes(got), body.size) == (b"".join(bytes([n]) * CHUNK_BYTES for n in range(12)), 12 * CHUNK_BYTES)


async def test_a_body_can_be_broken_off_from_both_sides() -> None:
    body = Body()
    body.abort()
    assert await asyncio.to_thread(list, body) == []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(CHUNK_BYTES)

    body = Body()
    threading.Timer(0.05, asyncio.get_running_loop().call_soon_threadsafe, [body.unwanted]).start()
    await asyncio.wait_for(body.feed(endless()), 10)
