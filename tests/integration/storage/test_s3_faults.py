"""A store that fails for a while: what was asked of it is done nevertheless, once it is back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from random import Random

import pytest

from gilfoyle.config import S3Settings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.s3.backend import S3Storage
from gilfoyle.testing.storage_contract import collect, keys_of, pieces
from tests.faulty import FaultyProxy
from tests.seaweed import Seaweed

MIB = 1 << 20
DATA = Random(7).randbytes(23 * MIB)

Fault = Callable[[FaultyProxy], None]


@pytest.fixture(scope="module")
def proxies(s3_service: Seaweed) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3_service.host, s3_service.port) as proxy:
        yield proxy


@pytest.fixture
def proxy(proxies: FaultyProxy) -> Iterator[FaultyProxy]:
    proxies.heal()
    yield proxies
    proxies.heal()


@pytest.fixture
async def storage(proxy: FaultyProxy, s3_settings: S3Settings) -> AsyncIterator[S3Storage]:
    storage = S3Storage(s3_settings.model_copy(update={"endpoint": proxy.url, "timeout_s": 1, "patience_s": 60}))
    yield storage
    await storage.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [FaultyProxy.refuse, FaultyProxy.hang, FaultyProxy.drop], ids=["503", "hang", "drop"])
async def test_a_bad_while_is_ridden_out(storage: S3Storage, proxy: FaultyProxy, fault: Fault) -> None:
    """Longer than one attempt takes, whatever is asked."""
    for n in range(5):
        await storage.write(f"m/{n}", DATA[:1000])
    fault(proxy)
    asked = [
        storage.write("m/new", b"x"),
        storage.write("m/large", pieces(DATA)),
        storage.read("m/0"),
        collect(storage.stream("m/1", 10, 20)),
        storage.stat("m/2"),
        storage.delete("m/3"),
        keys_of(storage, "m"),
    ]
    tasks = [asyncio.ensure_future(one) for one in asked]
    done, _ = await asyncio.wait(tasks, timeout=1.6)
    assert not done
    proxy.heal()
    await asyncio.gather(*tasks)
    assert tasks[2].result() == DATA[:1000]
    assert tasks[3].result() == DATA[10:20]
    assert await storage.read("m/large") == DATA
    with pytest.raises(ObjectNotFound):
        await storage.stat("m/3")


async def test_a_large_object_gets_there_and_back_through_a_bad_line(storage: S3Storage, proxy: FaultyProxy) -> None:
    async def worse() -> AsyncIterator[bytes]:
        for n, first in enumerate(range(0, len(DATA), MIB)):
            yield DATA[first : first + MIB]
            if n % 6 == 5:
                await asyncio.sleep(0.1)
                proxy.sever()

    assert (await storage.write("m/source", worse())).size == len(DATA)
    for reset in (False, True):
        proxy.cut(3 * MIB + 17, times=3, reset=reset)
        before = proxy.cuts
        assert await collect(storage.stream("m/source")) == DATA
        assert proxy.cuts > before
    proxy.cut(1000, times=2)
    assert await storage.read("m/source") == DATA


async def test_a_lost_answer_to_the_last_request_does_no_harm(storage: S3Storage, proxy: FaultyProxy) -> None:
    async def data() -> AsyncIterator[bytes]:
        yield DATA[: 20 * MIB]
        proxy.cut(0, times=1)  # answers to parts have no body, so it is that to the completion
        yield DATA[20 * MIB :]

    before = proxy.cuts
    assert (await storage.write("m/source", data())).size == len(DATA)
    assert proxy.cuts == before + 1
    assert await storage.read("m/source") == DATA
    assert [write async for write in storage.unfinished()] == []


async def test_a_reader_is_told_when_the_object_is_replaced(storage: S3Storage) -> None:
    await storage.write("m/source", pieces(DATA + DATA))
    async with aclosing(storage.stream("m/source")) as stream:  # type: ignore[type-var]
        await anext(stream)
        await storage.write("m/source", pieces(DATA))
        with pytest.raises(StorageError, match="was replaced while it was being read"):
            async for _ in stream:
                pass


async def test_leaving_early_leaves_the_rest_unread(storage: S3Storage, proxy: FaultyProxy) -> None:
    await storage.write("m/source", pieces(*[DATA] * 3))
    before = proxy.sent
    async with aclosing(storage.stream("m/source")) as stream:  # type: ignore[type-var]
        await anext(stream)
    assert proxy.sent - before <= 30 * MIB


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FaultyProxy.refuse, "answers 503 SlowDown: Please reduce your request rate."),
        (FaultyProxy.hang, "does not answer."),
        (FaultyProxy.drop, "can't be reached: check that it runs"),
    ],
    ids=["503", "hang", "drop"],
)
async def test_patience_ends(proxy: FaultyProxy, s3_settings: S3Settings, fault: Fault, words: str) -> None:
    settings = s3_settings.model_copy(update={"endpoint": proxy.url, "timeout_s": 1, "patience_s": 0.3})
    storage = S3Storage(settings)
    fault(proxy)
    calls = (storage.write("m/a", b"x"), storage.read("m/a"), collect(storage.stream("m/a")), keys_of(storage, "m"))
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert type(outcome) is StorageError
        assert words in outcome.message
    await storage.close()


async def test_a_cancelled_request_does_not_wait_for_patience(storage: S3Storage, proxy: FaultyProxy) -> None:
    proxy.refuse()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await storage.write("m/source", pieces(DATA))
    proxy.heal()
    assert await keys_of(storage, "m") == []
    assert [write async for write in storage.unfinished()] == []


async def test_a_store_that_is_killed_and_comes_back(s3_service: Seaweed, s3_settings: S3Settings) -> None:
    storage = S3Storage(s3_settings)
    await storage.write("m/before", pieces(DATA))
    killed = asyncio.Event()

    async def data() -> AsyncIterator[bytes]:
        yield DATA[: 12 * MIB]
        await killed.wait()
        yield DATA[12 * MIB :]

    writing = asyncio.create_task(storage.write("m/source", data()))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(s3_service.kill)
    killed.set()
    reading = asyncio.create_task(collect(storage.stream("m/before")))
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.to_thread(s3_service.start)
    assert await reading == DATA
    assert (await writing).size == len(DATA)
    assert await storage.read("m/source") == DATA
    await storage.close()


WRITER = """
import asyncio, sys
from gilfoyle.config import S3Settings
from gilfoyle.storage.s3.backend import S3Storage

async def data():
    for _ in range(4):
        yield bytes(5 << 20)
    print("writing", flush=True)
    await asyncio.Event().wait()
    yield b"x"

asyncio.run(S3Storage(S3Settings.model_validate_json(sys.argv[1])).write("m/source", data()))
"""


async def test_a_killed_process_leaves_an_unfinished_write_and_no_object(s3_settings: S3Settings) -> None:
    def write_and_die() -> None:
        told = s3_settings.model_dump(mode="json")
        told["secret_access_key"] = s3_settings.secret_access_key.get_secret_value()
        command = [sys.executable, "-c", WRITER, json.dumps(told)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
            process.kill()

    storage = S3Storage(s3_settings)
    await asyncio.to_thread(write_and_die)
    assert await keys_of(storage, "m") == []
    (left,) = [write async for write in storage.unfinished()]
    assert left.key == "m/source"
    await storage.abandon(left)
    assert [write async for write in storage.unfinished()] == []
    await storage.close()


async def test_who_has_had_enough_of_a_silent_store_need_not_wait_for_it(
    proxy: FaultyProxy, s3_settings: S3Settings
) -> None:
    storage = S3Storage(s3_settings.model_copy(update={"endpoint": proxy.url, "timeout_s": 30}))
    await storage.write("m/object", b"x")
    proxy.hang()
    for call in (storage.stat("m/object"), storage.read("m/object"), collect(storage.stream("m/object"))):
        begun = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.5)
        assert asyncio.get_running_loop().time() - begun < 15
    proxy.heal()
    await storage.close()
