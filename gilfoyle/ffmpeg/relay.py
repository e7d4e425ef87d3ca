"""What ffmpeg reads of an object that is no file: a server on the loopback, which reads by the storage's own client.

So the program is given no address that signs itself, needs no name looked up and no certificate, and reaches one port
of this machine (ffmpeg/sandbox.py). And there is one way to try again: that of the storage. A demuxer takes a failed
read for the end of the file: what it then makes of half a film looks whole. It must never see one.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Self

import h11

from gilfoyle.errors import StorageError
from gilfoyle.storage.blocks import Blocks

# How much of what is sent may wait to be read (bytes): a program leaves it behind when it seeks.
_UNREAD = 1 << 17
_PIECE = 1 << 17
_MOST_HEAD = 1 << 14
_RANGE = re.compile(rb"bytes=(\d+)-(\d*)")


class Relay:
    """Serves one object to whoever knows its `place`. Use it with `async with`.

    `on_fault` is called with what the storage said when it gave up, before any reader's connection is closed: whoever
    reads must be ended by then.
    """

    def __init__(self, blocks: Blocks, on_fault: Callable[[StorageError], None]) -> None:
        self._blocks = blocks
        self._on_fault = on_fault
        self._path = f"/{secrets.token_hex(16)}"
        self._answers: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def place(self) -> str:
        """The URL of the object. Other users of this machine can't guess it."""
        return f"http://127.0.0.1:{self.port}{self._path}"

    async def __aenter__(self) -> Self:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)  # connections have it from here
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._server = await asyncio.start_server(self._connected, sock=listening, limit=_MOST_HEAD)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await self._blocks.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answers.add(task)
        writer.transport.set_write_buffer_limits(0)  # `drain` waits until the kernel has it all
        try:
            with suppress(ConnectionError, h11.RemoteProtocolError):
                await self._answer(reader, writer)
        except StorageError as error:
            self._on_fault(error)
        except asyncio.CancelledError:
            pass  # by us, at the end; until Python 3.12 asyncio takes a handler that was cancelled for a fault
        finally:
            self._answers.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer: ffmpeg opens a connection for each place that it seeks."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD)
        request = await _request(connection, reader)
        if request is None:
            return
        status, headers, start, end = self._head(request)
        writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
        await writer.drain()
        if request.method == b"HEAD":
            return
        async with aclosing(self._blocks.read(start, end)) as blocks:  # type: ignore[type-var]
            async for block in blocks:
                for at in range(0, len(block), _PIECE):
                    writer.write(block[at : at + _PIECE])
                    await writer.drain()

    def _head(self, request: h11.Request) -> tuple[int, list[tuple[str, str]], int, int]:
        """Status and headers of the answer, and which bytes it has: `[start, end)` (RFC 9110, 14)."""
        size = self._blocks.size
        common = [("Connection", "close"), ("Accept-Ranges", "bytes")]
        if request.method not in (b"GET", b"HEAD") or not secrets.compare_digest(request.target, self._path.encode()):
            return 404, [*common, ("Content-Length", "0")], 0, 0
        asked = _RANGE.fullmatch(dict(request.headers).get(b"range", b""))
        if asked is None or not size:
            return 200, [*common, ("Content-Length", str(size))], 0, size
        start, end = int(asked[1]), min(int(asked[2]) + 1, size) if asked[2] else size
        if start >= end:
            return 416, [*common, ("Content-Range", f"bytes */{size}"), ("Content-Length", "0")], 0, 0
        told = [("Content-Range", f"bytes {start}-{end - 1}/{size}"), ("Content-Length", str(end - start))]
        return 206, [*common, *told], start, end


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """None if the connection ends before it has asked for anything. Raises RemoteProtocolError."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_MOST_HEAD))
    return event if isinstance(event, h11.Request) else None
