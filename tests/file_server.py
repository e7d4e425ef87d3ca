"""A real server of one file, which behaves as a test wants: with ranges or without, cut, slow, or with a lie."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

_RANGE = re.compile(r"bytes=(\d+)-$")
_PIECE = 1 << 16


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]


@dataclass
class FileServer:
    """Serves `data` at any path. Each request may be answered otherwise by `answer`, and cut by `cuts`."""

    data: bytes
    host: str = "127.0.0.1"
    ranges: bool = True
    etag: str = '"one"'
    """Empty: none."""
    heeds_if_range: bool = True
    chunked: bool = False
    """It does not say how long the file is."""
    length: int | None = None
    """How long it says that the file is, if that is a lie."""
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of its body each answer breaks off, the first one first; the others are whole."""
    pause_s: float = 0
    """Between two pieces of the body."""
    answer: Callable[[Asked], str | None] = lambda asked: None
    """A head to answer with instead, without its empty line; None: the file."""
    on_cut: Callable[[], None] = lambda: None
    port: int = 0
    connections: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/films/film.mp4?signature=s3cret"

    @property
    def ranges_asked(self) -> list[str | None]:
        return [each.headers.get("range") for each in self.asked]

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """It listens until the end of the block."""
        server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    @contextmanager
    def up_in_thread(self) -> Iterator[None]:
        """As `up`, for a test that waits without asyncio."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        place = self.up()
        try:
            asyncio.run_coroutine_threadsafe(place.__aenter__(), loop).result(10)
            yield
        finally:
            asyncio.run_coroutine_threadsafe(place.__aexit__(None, None, None), loop).result(10)
            asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
            asked = Asked(head.split()[1], headers)
            self.asked.append(asked)
            if (instead := self.answer(asked)) is not None:
                writer.write(f"HTTP/1.1 {instead}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            else:
                await self._send(asked, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _send(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        size = len(self.data) if self.length is None else self.length
        found = _RANGE.match(asked.headers.get("range", "")) if self.ranges else None
        if self.heeds_if_range and asked.headers.get("if-range", self.etag) != self.etag:
            found = None
        start = int(found[1]) if found else 0
        lines = [f"HTTP/1.1 {'206 Partial Content' if found else '200 OK'}", "Connection: close"]
        if found and start >= size:
            writer.write(f"HTTP/1.1 416 No\r\nContent-Range: bytes */{size}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        if found:
            lines.append(f"Content-Range: bytes {start}-{size - 1}/{size}")
        lines.append("Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {size - start}")
        lines += [f"ETag: {self.etag}"] if self.etag else []
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        cut = self.cuts.pop(0) if self.cuts else None
        body = self.data[start:]
        for first in range(0, len(body if cut is None else body[:cut]), _PIECE):
            piece = body[first : first + _PIECE if cut is None else min(first + _PIECE, cut)]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece)
            await writer.drain()
            await asyncio.sleep(self.pause_s)
        if cut is not None:
            self.on_cut()
        elif self.chunked:
            writer.write(b"0\r\n\r\n")


async def _end_all() -> None:
    """What still answers."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
