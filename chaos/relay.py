"""A TCP relay before a server, whose connections can be cut: what a network does now and then."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

_PIECE = 1 << 16
# Closing then sends a reset: the peer learns of it at once, as of a machine that restarted.
_RESET = struct.pack("ii", 1, 0)


def tcp(port: int) -> Dial:
    """Dials a port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def unix(path: str) -> Dial:
    """Dials a socket in the file system."""
    return lambda: asyncio.open_unix_connection(path)


class Relay:
    """Listens on a free port of 127.0.0.1, which stays the same, and passes on to what `dial` reaches."""

    def __init__(self, name: str, dial: Dial) -> None:
        self.name = name
        self.port = 0
        self._dial = dial
        self._refusing = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """How many clients have one."""
        return len(self._open) // 2

    def cut(self) -> int:
        """Break all connections, in the middle of whatever they carry; returns how many there were."""
        count = self.connections
        for writer in list(self._open):
            _reset(writer)
        return count

    def refuse(self, refusing: bool) -> None:
        """While it refuses, new connections are broken at once."""
        self._refusing = refusing

    async def stop(self) -> None:
        """Listen no more, and break what is open."""
        if self._server:
            self._server.close()
        self.cut()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            return _reset(writer)
        try:
            far_reader, far_writer = await self._dial()
        except OSError:
            return _reset(writer)
        pair = {writer, far_writer}
        self._open |= pair
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            for each in pair:
                _reset(each)
        finally:
            self._open -= pair
            for each in pair:
                each.close()
        return None


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    if writer.is_closing():
        raise ConnectionResetError
    with suppress(OSError, NotImplementedError):
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
