"""One object fetched again and again over one connection, and the CPU time that its server takes for it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from gilfoyle.errors import Unavailable


@dataclass(frozen=True)
class Target:
    """What is fetched, and whose CPU time counts: the processes `pids` and their children."""

    url: str
    pids: Sequence[int]
    size: int
    """Bytes of the object."""


def cost_s(target: Target, requests: int) -> float:
    """CPU seconds of the server for each request. Raises Unavailable for a wrong answer."""
    with _Connection(target) as connection:
        connection.fetch()
        before = used_s(target.pids)
        for _ in range(requests):
            connection.fetch()
        return (used_s(target.pids) - before) / requests


class _Connection:
    """As little work for the client as possible: it has the same cores."""

    def __init__(self, target: Target) -> None:
        place = urlsplit(target.url)
        self._size = target.size
        self._request = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: */*\r\n\r\n".encode()
        self._socket = socket.create_connection((place.hostname, place.port), 30)
        self._buffer = memoryview(bytearray(1 << 20))

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fetch(self) -> None:
        self._socket.sendall(self._request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(4096)
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 ") or f"content-length: {self._size}".encode() not in head.lower():
            raise Unavailable(f"The segment was answered: {head[:300].decode(errors='replace')}")
        missing = self._size - len(body)
        while missing:
            missing -= self._socket.recv_into(self._buffer, min(missing, len(self._buffer)))


def used_s(parents: Sequence[int]) -> float:
    """CPU time of the processes and their children: Linux counts each thread's in ns."""
    children = [child.pid for parent in parents for child in psutil.Process(parent).children(recursive=True)]
    return sum(_thread_s(task) for pid in (*parents, *children) for task in Path(f"/proc/{pid}/task").iterdir())


def _thread_s(task: Path) -> float:
    return int((task / "schedstat").read_text().split()[0]) / 1e9
