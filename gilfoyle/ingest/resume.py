"""An upload that goes on where it broke off: what arrives is kept in the storage, whoever goes on with it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from gilfoyle.errors import InvalidRequest, NotFound, ObjectNotFound, StorageError, TooLarge, WrongOffset
from gilfoyle.ingest.checksum import require_match
from gilfoyle.ingest.content_range import ContentRange
from gilfoyle.ingest.lease import UploadLease
from gilfoyle.ingest.plain import PlainFile, not_the_range
from gilfoyle.ingest.receive import Received, blocks, require_bytes, too_large, update
from gilfoyle.storage import Resumable, Storage


@dataclass(frozen=True)
class Arrived:
    """How many bytes of a media's file there are, and whether they are all: accepted by the catalog."""

    offset: int
    complete: bool = False


async def arrived(storage: Storage, key: str) -> tuple[int, bool]:
    """How many bytes of a source have arrived, and whether it is whole: stored, but not accepted by the catalog yet.

    So it is left by a process that died between the two. Raises StorageError.
    """
    if isinstance(storage, Resumable):
        try:
            return await storage.arrived(key), False
        except ObjectNotFound:
            pass
        try:
            return (await storage.stat(key)).size, True
        except ObjectNotFound:
            pass
    return 0, False


class Resumption:
    """Taking what one request brings of a source, under a lease."""

    def __init__(self, storage: Storage, growing: Resumable, key: str, lease: UploadLease, limit: int) -> None:
        """`growing` is the same storage. `limit`: how many bytes the source may have."""
        self._storage = storage
        self._growing = growing
        self._key = key
        self._lease = lease
        self._limit = limit

    async def take(self, file: PlainFile) -> Received | Arrived:
        """Store what the file brings; what it is if it is whole now.

        If the body breaks off, what arrived is kept, and what broke it off is raised. Raises WrongOffset before a
        byte is read if the range does not begin where the last one ended; InvalidRequest, TooLarge, StorageError.
        """
        try:
            return await (self._answer(file) if file.range and file.range.asks else self._take(file))
        except (TooLarge, NotFound):  # nobody can go on with it: it is too large, or its media was deleted
            await self._growing.abort(self._key)
            raise

    async def _take(self, file: PlainFile) -> Received | Arrived:
        offset = await self._start(file.range)
        source = _Rest(file, self._lease, offset, self._limit)
        total = await self._growing.append(self._key, offset, source.content())
        source.raise_if_cut()
        if file.range is not None and file.range.total != total:
            return Arrived(total)
        require_bytes(total)
        return await self._finish(file, total, source.digest.hexdigest() if offset == 0 else "")

    async def _start(self, sent: ContentRange | None) -> int:
        """The byte at which what is sent has to begin. Raises WrongOffset."""
        if sent is None:
            await self._growing.begin(self._key)
            return 0
        offset, whole = await arrived(self._storage, self._key)
        if whole and sent.total != offset:  # it is what another upload left
            await self._storage.delete(self._key)
            offset = 0
        if sent.first != offset:
            raise _wrong_offset(offset, sent.first)
        if offset == 0:
            await self._growing.begin(self._key)
        return offset

    async def _answer(self, file: PlainFile) -> Received | Arrived:
        """To who asks how much has arrived; if that is all, it is finished."""
        offset, whole = await arrived(self._storage, self._key)
        if offset == 0 or (file.range and file.range.total != offset):
            return Arrived(offset)
        return await self._finish(file, offset, "", stored=whole)

    async def _finish(self, file: PlainFile, size: int, sha256: str, *, stored: bool = False) -> Received:
        """Make the source of what has arrived. `sha256` is known if it came by one request; else it is read back."""
        await self._lease.finish()
        if sha256:
            await self._require_match(sha256, file)
        if not stored:
            info = await self._growing.finish(self._key)
            if info.size != size:
                raise StorageError(f"The storage made {info.size} bytes of the {size} that arrived: upload them again.")
        if not sha256:
            sha256 = await self._read_back()
            await self._require_match(sha256, file)
        return Received(file.file_name, size, sha256)

    async def _require_match(self, found: str, file: PlainFile) -> None:
        """Which bytes are wrong nobody knows: all of them go."""
        try:
            require_match(found, file.sha256)
        except InvalidRequest:
            await self._growing.abort(self._key)
            await self._storage.delete(self._key)
            raise

    async def _read_back(self) -> str:
        digest = hashlib.sha256()
        async with aclosing(self._storage.stream(self._key)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                await update(digest, piece)
        return digest.hexdigest()


class _Rest:
    """What a request brings, from `offset` on."""

    def __init__(self, file: PlainFile, lease: UploadLease, offset: int, limit: int) -> None:
        self._file, self._lease, self._limit = file, lease, limit
        self._position = offset
        self._cut: Exception | None = None
        self.digest = hashlib.sha256()

    def raise_if_cut(self) -> None:
        """Raise what broke the body off, or InvalidRequest if it was not as long as its range."""
        if self._cut is not None:
            raise self._cut
        if self._file.range is not None and self._position != self._file.range.end:
            raise not_the_range()

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes, to their end or to where they break off: both keep what came, if the lease is still held."""
        try:
            async for piece in blocks(self._file.content()):
                self._position += len(piece)
                if self._position > self._limit:
                    raise too_large(self._limit)
                if self._file.range is not None and self._position > self._file.range.end:
                    raise not_the_range()
                await self._lease.hold()
                await update(self.digest, piece)
                yield piece
        except TooLarge:
            raise
        except Exception as error:
            self._cut = error
        await self._lease.finish()


def _wrong_offset(offset: int, sent: int) -> WrongOffset:
    return WrongOffset(f"{offset} bytes have arrived, so the upload goes on at byte {offset}, not {sent}.", offset)
