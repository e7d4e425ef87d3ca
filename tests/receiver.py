"""A real receiver of webhooks, which behaves as a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

OK = "204 No Content"


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Receiver:
    """Keeps what it got. `answer` says what it answers: a status line, or with a header and a body after it."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Received] = []
        self.answer: Callable[[Received], str] = lambda _: OK
        self.delay_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def got(self, path: str = "/hook") -> list[dict[str, Any]]:
        """The events, in the order in which they arrived."""
        return [each.event for each in self.received if each.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                got = Received(head.split()[1], headers, body)
                self.received.append(got)
                await asyncio.sleep(self.delay_s)
                status, _, rest = self.answer(got).partition("\n")
                header, _, text = rest.partition("\n")
                more = f"{header}\r\n" if header else ""
                writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(text)}\r\n\r\n{text}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """It listens until the end of the block, on the same port as before."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
