"""Streams a file from its transport into the storage, as the media's source."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gilfoyle.errors import InvalidRequest, TooLarge
from gilfoyle.ingest.checksum import Checksum, require_match
from gilfoyle.ingest.lease import UploadLease
from gilfoyle.storage import Storage

BLOCK_BYTES = 256 << 10
BLOCK_S = 0.05
"""Data waits at most so long (seconds): many slow uploads would else hold memory that no limit counts."""
# Below that, handing it to a thread costs as much as the hashing.
_SMALL_BYTES = BLOCK_BYTES + (128 << 10)


class Incoming(Protocol):
    """An incoming file of any transport: a form, a plain body. It is read once."""

    file_name: str | None
    """The file's name, as kept (see `file_names`); known when the content has ended."""
    checksum: Checksum | None
    """The checksum that the client declares; known when the content has ended."""

    def check(self, limit: int) -> None:
        """Refuse what can be refused before a byte is read. `limit`: how many bytes a file may have.

        Raises InvalidRequest, TooLarge.
        """
        ...

    def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. Ends normally only if the whole request was valid; else it raises."""
        ...


@dataclass(frozen=True)
class Received:
    """`size` in bytes, `sha256` in hexadecimal; None: it is taken later."""

    file_name: str | None
    size: int
    sha256: str | None


async def receive(incoming: Incoming, lease: UploadLease, storage: Storage, key: str, limit: int) -> Received:
    """Store the file under `key`, at most `limit` bytes. Back-pressure reaches the client.

    Everything is checked before the object appears, so that after an error nothing is there. Raises
    InvalidRequest, TooLarge, StorageError, and what reading the file and renewing the lease raise.
    """
    source = Checked(incoming, limit, lease.touch)

    async def content() -> AsyncIterator[bytes]:
        """Ends normally only if the lease is still held, too."""
        async for piece in source.pieces():
            yield piece
        await lease.finish()

    await storage.write(key, content())
    return Received(incoming.file_name, source.size, source.digest.hexdigest())


def declared_length(headers: Mapping[str, str]) -> int:
    """The Content-Length, 0 without one: digits only, which the server has checked; 20 are too many in any case."""
    return int(headers.get("content-length", "")[:20] or 0)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The file is larger than the {limit} bytes that are allowed.")


def require_bytes(size: int) -> None:
    """Raise InvalidRequest for an empty file."""
    if size == 0:
        raise InvalidRequest("The file is empty.", code="empty_file", fields={"file": "is empty"})


class Checked:
    """A file's bytes on their way into a storage: counted, hashed, and held to its limit and checksum."""

    def __init__(self, incoming: Incoming, limit: int, arrived: Callable[[], None] = lambda: None) -> None:
        """`limit`: how many bytes the file may have. `arrived` is called for each block, and may raise."""
        self._incoming, self._limit, self._arrived = incoming, limit, arrived
        self.size = 0
        self.digest = hashlib.sha256()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes. Ends normally only if the whole request was valid.

        Since storages write an object whole or not at all, an error at the very end still leaves nothing behind.
        """
        async for piece in blocks(self._incoming.content()):
            self._arrived()
            self.size += len(piece)
            if self.size > self._limit:
                raise too_large(self._limit)
            await update(self.digest, piece)
            yield piece
        require_bytes(self.size)
        require_match(self.digest.hexdigest(), self._incoming.checksum)


async def update(digest: hashlib._Hash, piece: bytes) -> None:
    """Hash a piece; in a thread if it is large, for hashing lets go of the interpreter's lock."""
    if len(piece) <= _SMALL_BYTES:
        digest.update(piece)
    else:
        await asyncio.to_thread(digest.update, piece)


async def blocks(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Gather what a socket delivers into blocks that are worth a thread; a slow client's bytes pass as they come.

    If the body breaks off, what had arrived is yielded before the error is raised.
    """
    waiting: list[bytes] = []
    size, begun = 0, time.monotonic()
    try:
        async for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES or time.monotonic() - begun > BLOCK_S:
                yield b"".join(waiting)
                waiting, size, begun = [], 0, time.monotonic()
    except Exception:
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)
