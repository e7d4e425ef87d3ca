"""One request and its answer, with files that the kernel sends: ASGI's extension `http.response.zerocopysend`."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any, BinaryIO

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

log = logging.getLogger(__name__)

SEND_FILE = "http.response.zerocopysend"
EXTENSIONS: dict[str, dict[object, object]] = {SEND_FILE: {}}
"""What a scope says of a connection that can: https://asgi.readthedocs.io/en/latest/extensions.html#zero-copy-send."""

AT_ONCE_BYTES = 4 << 20
"""So much of a file is sent before others get their turn: a millisecond's work, if the client is as fast."""


def can_send_files(loop: asyncio.AbstractEventLoop, transport: asyncio.BaseTransport) -> bool:
    """Not under TLS, where the bytes must be encrypted first, nor in a loop that does not know how (uvloop)."""
    plain = transport.get_extra_info("sslcontext") is None
    return plain and isinstance(loop, asyncio.SelectorEventLoop)


class Cycle(RequestResponseCycle):
    """uvicorn's, which sends files besides."""

    async def send(self, message: Any) -> None:
        if message["type"] != SEND_FILE:
            await super().send(message)
            return
        count: int = message["count"]
        if not self.disconnected:
            await self._send_file(message["file"], message["offset"], count)
        self.expected_content_length -= count
        if not message.get("more_body", False):
            await super().send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_file(self, file: BinaryIO, offset: int, count: int) -> None:
        """`count` bytes. Nothing more is sent to a client that goes away meanwhile, or if the file is shorter."""
        sent = 0
        try:
            sent = self._send_at_once(file, offset, count)
            if sent < count:  # asyncio reads it where the disk can't send
                loop = asyncio.get_running_loop()
                sent += await loop.sendfile(self.transport, file, offset + sent, count - sent)
        except (ConnectionError, RuntimeError):  # the latter: it is closing
            pass
        except OSError:
            log.exception("sending a file")
        if sent != count:
            self.disconnected = True
            self.transport.close()

    def _send_at_once(self, file: BinaryIO, offset: int, count: int) -> int:
        """As much as the connection takes now: most often a whole segment, for a fraction of what asyncio's way costs.

        Returns how many bytes. Raises ConnectionError.
        """
        sent = 0
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            return sent
        target, limit = self.transport.get_extra_info("socket").fileno(), min(count, AT_ONCE_BYTES)
        try:
            while sent < limit and (more := os.sendfile(target, file.fileno(), offset + sent, limit - sent)):
                sent += more
        except ConnectionError:
            raise
        except OSError:  # the connection is full, or the disk can't: asyncio finds out which
            pass
        return sent
