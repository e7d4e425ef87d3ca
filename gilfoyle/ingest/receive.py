"""From what brings a file to the media's source in the storage, in one stream."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from gilfoyle.errors import InvalidRequest, TooLarge
from gilfoyle.ingest.checksum import require_match
from gilfoyle.ingest.lease import UploadLease
from gilfoyle.storage import Storage

BLOCK_BYTES = 256 << 10
BLOCK_S = 0.05
"""What came within so long goes on: many slow uploads would hold much here that nobody counts (seconds)."""
# Below that, a thread costs more than the hashing.
_SMALL_BYTES = 1 << 16


class Incoming(Protocol):
    """A file on its way in, whatever brings it: a form, a plain body. It is read once."""

    file_name: str | None
    """As it is kept, see `file_names`; known when the content has ended."""
    sha256: str | None
    """What the client says that the file has, in small letters; known when the content has ended."""

    def check(self, limit: int) -> None:
        """Refuse what can be refused before a byte is read. `limit`: how many bytes a file may have.

        Raises InvalidRequest, TooLarge.
        """
        ...

    def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. Ends well only if all that brings them was right; else it raises."""
        ...


@dataclass(frozen=True)
class Received:
    """`size` in bytes, `sha256` in hexadecimal."""

    file_name: str | None
    size: int
    sha256: str


async def receive(incoming: Incoming, lease: UploadLease, storage: Storage, key: str, limit: int) -> Received:
    """Store the file under `key`, at most `limit` bytes. Back-pressure reaches the client.

    Everything is checked before the object appears, so that after an error nothing is there. Raises
    InvalidRequest, TooLarge, StorageError, and what reading the file and renewing the lease raise.
    """
    source = _Source(incoming, lease, limit)
    await storage.write(key, source.content())
    return Received(incoming.file_name, source.size, source.digest.hexdigest())


def declared_length(headers: Mapping[str, str]) -> int:
    """The Content-Length, 0 without one: digits only, which the server has checked; 20 are too many in any case."""
    return int(headers.get("content-length", "")[:20] or 0)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The file is larger than the {limit} bytes that are allowed.")


def require_bytes(size: int) -> None:
    """Raises InvalidRequest for a file without any."""
    if size == 0:
        raise InvalidRequest("The file is empty.", code="empty_file", fields={"file": "is empty"})


class _Source:
    def __init__(self, incoming: Incoming, lease: UploadLease, limit: int) -> None:
        self._incoming = incoming
        self._lease = lease
        self._limit = limit
        self.size = 0
        self.digest = hashlib.sha256()

    async def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. It ends well only if all that brought them was right and the lease is still held.

        Since storages write an object whole or not at all, an error at the very end still leaves nothing behind.
        """
        async for piece in blocks(self._incoming.content()):
            self._lease.touch()
            self.size += len(piece)
            if self.size > self._limit:
                raise too_large(self._limit)
            await update(self.digest, piece)
            yield piece
        require_bytes(self.size)
        require_match(self.digest.hexdigest(), self._incoming.sha256)
        await self._lease.finish()


async def update(digest: hashlib._Hash, piece: bytes) -> None:
    """Hash a piece; in a thread if it is large, for hashing lets go of the interpreter's lock."""
    if len(piece) <= _SMALL_BYTES:
        digest.update(piece)
    else:
        await asyncio.to_thread(digest.update, piece)


async def blocks(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """What a socket delivers, in blocks that are worth a thread's while; of a slow client as it comes.

    If it breaks off, what had come is given before the error is raised.
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
