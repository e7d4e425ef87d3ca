"""From the body of an upload to the media's source in the storage, in one stream."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from gilfoyle.api.lease import UploadLease
from gilfoyle.api.multipart import Form, Part
from gilfoyle.errors import InvalidRequest, TooLarge
from gilfoyle.storage import Storage

FILE_FIELD = "file"
CHECKSUM_FIELD = "sha256"
FORM_BYTES = 1 << 20
"""What a multipart body may have besides the file's bytes."""
BLOCK_BYTES = 256 << 10
BLOCK_S = 0.05
"""What came within so long goes on: many slow uploads would hold much here that nobody counts (seconds)."""
# Below that, a thread costs more than the hashing.
_SMALL_BYTES = 1 << 16
_CHECKSUM = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Received:
    file_name: str | None
    size: int
    sha256: str


async def receive(form: Form, lease: UploadLease, storage: Storage, key: str, limit: int) -> Received:
    """Store the form's file under `key`, at most `limit` bytes. Back-pressure reaches the client.

    Everything is checked before the object appears, so that after an error nothing is there. Raises
    InvalidRequest, TooLarge, StorageError, and what reading the body and renewing the lease raise.
    """
    source = _Source(form, lease, limit)
    await storage.write(key, source.content())
    return Received(source.file_name, source.size, source.digest.hexdigest())


class _Source:
    def __init__(self, form: Form, lease: UploadLease, limit: int) -> None:
        self._form = form
        self._lease = lease
        self._limit = limit
        self._expected: str | None = None
        self._seen = False
        self.file_name: str | None = None
        self.size = 0
        self.digest = hashlib.sha256()

    async def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. It ends well only if the whole form was right and the lease is still held.

        Since storages write an object whole or not at all, an error at the very end still leaves nothing behind.
        """
        async for part in self._form.parts():
            if part.name == FILE_FIELD:
                async for piece in self._file(part):
                    yield piece
            elif part.name == CHECKSUM_FIELD:
                self._expected = await _checksum(part)
        self._verify()
        await self._lease.finish()

    async def _file(self, part: Part) -> AsyncIterator[bytes]:
        if self._seen:
            raise InvalidRequest("Only one file can be sent.", fields={FILE_FIELD: "was sent twice"})
        self._seen = True
        self.file_name = part.file_name
        async for piece in _blocks(part):
            self._lease.touch()
            self.size += len(piece)
            if self.size > self._limit:
                raise TooLarge(f"The file is larger than the {self._limit} bytes that are allowed.")
            if len(piece) <= _SMALL_BYTES:
                self.digest.update(piece)
            else:
                await asyncio.to_thread(self.digest.update, piece)  # hashing lets go of the interpreter's lock
            yield piece

    def _verify(self) -> None:
        if not self._seen:
            raise InvalidRequest("The form has no field `file`.", fields={FILE_FIELD: "is missing"})
        if self.size == 0:
            raise InvalidRequest("The file is empty.", code="empty_file", fields={FILE_FIELD: "is empty"})
        found = self.digest.hexdigest()
        if self._expected not in (None, found):
            raise InvalidRequest(
                f"The file arrived with the SHA-256 {found}, not the one that was sent with it: upload it again.",
                code="checksum_mismatch",
                fields={CHECKSUM_FIELD: "does not match the file"},
            )


async def _checksum(part: Part) -> str:
    text = (await part.text(limit=200)).strip()
    if not _CHECKSUM.fullmatch(text):
        raise InvalidRequest("sha256 must have 64 hexadecimal digits.", fields={CHECKSUM_FIELD: "is malformed"})
    return text.lower()


async def _blocks(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """What a socket delivers, in blocks that are worth a thread's while; of a slow client as it comes."""
    waiting: list[bytes] = []
    size, begun = 0, time.monotonic()
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= BLOCK_BYTES or time.monotonic() - begun > BLOCK_S:
            yield b"".join(waiting)
            waiting, size, begun = [], 0, time.monotonic()
    if waiting:
        yield b"".join(waiting)
