"""A relay passes everything on, until it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chaos.relay import Relay, tcp


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    """Before a server that says everything back, and ends when its client does."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                writer.write(data)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    found = Relay("echo", tcp(server.sockets[0].getsockname()[1]))
    await found.start()
    yield found
    await found.stop()
    server.close()
    await asyncio.sleep(0.05)


async def connect(relay: Relay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"hello")
    assert await reader.read(5) == b"hello"
    return reader, writer


async def test_what_is_said_comes_back_and_an_end_ends_it(relay: Relay) -> None:
    reader, writer = await connect(relay)
    writer.write(bytes(500_000))
    writer.write_eof()
    assert len(await reader.read()) == 500_000
    writer.close()


async def test_a_cut_breaks_what_is_open_and_nothing_else(relay: Relay) -> None:
    (first, one), (second, two) = await connect(relay), await connect(relay)
    assert relay.connections == 2
    assert relay.cut() == 2
    for reader in (first, second):
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
    _, three = await connect(relay)
    assert relay.cut() == 1
    for writer in (one, two, three):
        writer.close()


async def test_while_it_refuses_nobody_gets_through(relay: Relay) -> None:
    relay.refuse(True)
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()
    relay.refuse(False)
    _, writer = await connect(relay)
    writer.close()
