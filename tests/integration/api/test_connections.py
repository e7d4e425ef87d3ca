"""Requests as bytes on a socket, which no client library would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from gilfoyle.catalog import Catalog
from gilfoyle.config import Settings
from gilfoyle.storage import FilesystemStorage
from tests.integration.api.conftest import eventually, served
from tests.integration.api.test_upload import END, FILM, HEADERS, head, new_media, nothing_kept, part


@asynccontextmanager
async def connected(live: httpx.AsyncClient) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.base_url.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange(live: httpx.AsyncClient, request: bytes) -> bytes:
    """What is answered until the server closes."""
    async with connected(live) as (reader, writer):
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 10)


async def test_a_target_in_absolute_form_is_answered(live: httpx.AsyncClient) -> None:
    address = f"127.0.0.1:{live.base_url.port}"
    request = f"GET http://{address}/healthz HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n"
    answer = await exchange(live, request.encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    request = f"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    assert (await exchange(live, request.encode())).startswith(b"HTTP/1.1 421 ")


async def test_two_lengths_are_refused_and_what_follows_is_not_read_as_a_request(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(catalog)
    body = part("file", FILM, "a.mp4") + END
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    request = head(media_id, len(chunks), "Transfer-Encoding: chunked\n").replace("\n", "\r\n").encode()
    answer = await exchange(live, request + chunks + smuggled)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()
    assert b'"code":"invalid_request"' in answer
    assert b"send one of them" in answer
    await nothing_kept(catalog, storage, media_id)


async def test_the_reason_reaches_who_still_sends(live: httpx.AsyncClient) -> None:
    async with connected(live) as (reader, writer):
        writer.write(
            b"POST /v1/medias HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(64):
            writer.write(bytes(1 << 16))
        answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_body_whose_chunks_break_ends_the_upload(
    live: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media_id = await new_media(catalog)
    request = head(media_id, 0, "Transfer-Encoding: chunked\n").replace("Content-Length: 0\n", "")
    answer = await exchange(live, request.replace("\n", "\r\n").encode() + b"5\r\nhello\r\nno length\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    await eventually(lambda: nothing_kept(catalog, storage, media_id))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"Host: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * (100 << 10), 431),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_a_broken_head_is_answered_in_the_envelope(live: httpx.AsyncClient, request_: bytes, status: int) -> None:
    answer = await exchange(live, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b'"code":"' in answer
    assert (await live.get("/healthz")).status_code == 200


async def test_a_head_that_does_not_end_is_answered_and_closed(
    live: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.connection.HEAD_S", 0.4)
    async with connected(live) as (reader, writer):
        for byte in b"GET /healthz HTTP/1.1\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.03)
        answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer
    assert await exchange(live, b"") == b""  # of who says nothing at all, nothing is said


async def test_the_next_head_has_its_own_time(live: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.api.connection.HEAD_S", 0.4)
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with connected(live) as (reader, writer):
        for _ in range(3):
            writer.write(request)
            assert (await reader.readuntil(b"}}")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.3)
        writer.write(request[:10])
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_was_answered_unread_does_not_go_on_for_ever(
    live: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.connection.HEAD_S", 0.4)
    async with connected(live) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        await reader.readuntil(b"}}")
        closed = asyncio.create_task(reader.read())
        async with asyncio.timeout(5):
            while not closed.done():
                writer.write(b"x")
                await asyncio.sleep(0.03)


async def test_a_body_that_trickles_is_answered_and_closed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.api.small_bodies.ReadSmallBodies.__init__.__defaults__", (1 << 20, 0.3))
    head = (
        b"POST /v1/medias HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    with served(settings) as url:
        async with httpx.AsyncClient(base_url=url) as client, connected(client) as (reader, writer):
            writer.write(head)
            answered = asyncio.create_task(reader.read())
            async with asyncio.timeout(5):
                while not answered.done():
                    writer.write(b"x")
                    await asyncio.sleep(0.03)
    assert (await answered).startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in await answered


async def test_silent_connections_give_way_to_new_ones(
    live: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.connection.MOST_CONNECTIONS", 30)
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(connected(live)) for _ in range(60)]
        for _ in range(5):
            answer = await exchange(live, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
        assert await asyncio.wait_for(silent[0][0].read(), 5) == b""  # the oldest had to go
        reader, writer = silent[-1]
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200 ")


async def test_requests_under_way_do_not_give_way(
    live: httpx.AsyncClient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = part("file", FILM, "a.mp4") + END
    medias = [await new_media(catalog) for _ in range(5)]

    async def begun() -> None:
        assert all([(await catalog.medias.get(media_id)).upload_lease for media_id in medias])

    async with AsyncExitStack() as stack:
        uploads = [await stack.enter_async_context(connected(live)) for _ in medias]
        for media_id, (_reader, writer) in zip(medias, uploads, strict=True):
            writer.write(head(media_id, len(body)).replace("\n", "\r\n").encode() + body[:1000])
        await eventually(begun)
        monkeypatch.setattr("gilfoyle.api.connection.MOST_CONNECTIONS", 5)
        assert (await exchange(live, b"")).startswith(b"HTTP/1.1 503 ")
        for reader, writer in uploads:
            writer.write(body[1000:])
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 202 ")


async def test_a_form_may_have_a_preamble_and_an_epilogue(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media_id = await new_media(catalog)
    body = b"This is a multi-part message.\r\n\r\n" + part("file", FILM, "a.mp4") + END + b"\r\nand an epilogue\r\n--x"
    answer = await live.post(f"/v1/medias/{media_id}/upload/video", content=body, headers=HEADERS)
    assert answer.status_code == 202
    assert answer.json()["data"]["source_bytes"] == len(FILM)
