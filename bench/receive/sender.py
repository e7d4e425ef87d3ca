"""A file sent over a socket, with as little work for the sender as possible: it has the same cores."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gilfoyle.errors import Unavailable

_WAIT_S = 600


def send(method: str, url: str, file: Path, headers: Mapping[str, str] | None = None) -> float:
    """Seconds until it was answered. The kernel sends the file. Raises Unavailable unless the answer is a 2xx."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), _WAIT_S) as connection, file.open("rb") as content:
        begun = time.perf_counter()
        connection.sendall(_head(method, url, file.stat().st_size, headers or {}))
        connection.sendfile(content)
        answer = connection.recv(4096)
        took = time.perf_counter() - begun
    _check(answer, url)
    return took


async def send_small(method: str, url: str, body: bytes) -> float:
    """The same of what lies in memory, so that many may be sent at once."""
    place = urlsplit(url)
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(_head(method, url, len(body), {}) + body)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(4096), _WAIT_S)
    finally:
        writer.close()
    _check(answer, url)
    return time.perf_counter() - begun


def _head(method: str, url: str, size: int, headers: Mapping[str, str]) -> bytes:
    place = urlsplit(url)
    path = f"{place.path}?{place.query}" if place.query else place.path
    lines = {"Host": place.netloc, "Content-Length": str(size), "Connection": "close", **headers}
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()


def _check(answer: bytes, url: str) -> None:
    if not answer.startswith(b"HTTP/1.1 2"):
        raise Unavailable(f"{urlsplit(url).netloc} answered an upload: {answer[:300].decode(errors='replace')}")
