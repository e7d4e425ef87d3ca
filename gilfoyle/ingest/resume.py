"""Resuming an upload where it broke off: the storage keeps what arrived, and any server can go on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from gilfoyle.errors import InvalidRequest, NotFound, ObjectNotFound, StorageError, TooLarge, WrongOffset
from gilfoyle.ingest.checksum import require_match
from gilfoyle.ingest.content_range import ContentRange
from gilfoyle.ingest.lease import UploadLease
from gilfoyle.ingest.plain import not_the_range
from gilfoyle.ingest.receive import Incoming, Received, blocks, require_bytes, too_large, update
from gilfoyle.ingest.tus import PartDigest, beyond
from gilfoyle.storage import Resumable, Storage, keys


class Part(Incoming, Protocol):
    """What one request brings of a file: a plain body, or one of tus."""

    @property
    def range(self) -> ContentRange | None:
        """Which bytes of the file it has; None: all of them."""
        ...

    @property
    def digest(self) -> PartDigest | None:
        """The checksum of its bytes, if the client says it; if they have another, none of them is kept."""
        ...

    @property
    def hash_later(self) -> bool:
        """A file that came by several requests is not read back for its checksum before it is accepted."""
        ...


def is_whole(part: Part) -> bool:
    """Whether it is all of the file."""
    return part.range is None or (part.range.first, part.range.end) == (0, part.range.total)


@dataclass(frozen=True)
class Arrived:
    """How many bytes of a media's file have arrived, and whether the catalog has accepted all of them."""

    offset: int
    complete: bool = False


async def arrived(storage: Storage, key: str) -> tuple[int, bool]:
    """How many bytes of a source have arrived, and whether it is stored whole but not accepted by the catalog yet.

    A process that died between the two leaves it so. Raises StorageError.
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


async def has_begun(storage: Storage, key: str) -> bool:
    """Whether a source was begun there, perhaps without a byte so far, or is stored. Raises StorageError."""
    if not isinstance(storage, Resumable):
        return False
    try:
        await storage.arrived(key)
    except ObjectNotFound:
        return (await arrived(storage, key))[1]
    return True


class Resumption:
    """Takes the part of a source that one request brings, under a lease."""

    def __init__(self, storage: Storage, growing: Resumable, key: str, lease: UploadLease, limit: int) -> None:
        """`growing` is the same storage. `limit`: how many bytes the source may have."""
        self._storage = storage
        self._growing = growing
        self._key = key
        self._lease = lease
        self._limit = limit

    async def take(self, file: Part) -> Received | Arrived:
        """Store what the request brings; returns the received file once it is whole.

        If the body breaks off, what arrived is kept, and the error is raised. Raises WrongOffset before a
        byte is read if the range does not begin where the last one ended; PartMismatch, and then nothing of it is kept;
        InvalidRequest, TooLarge, StorageError.
        """
        try:
            return await (self._answer(file) if file.range and file.range.asks else self._take(file))
        except (TooLarge, NotFound):  # nobody can go on with it: it is too large, or its media was deleted
            await self._growing.abort(self._key)
            raise

    async def _take(self, file: Part) -> Received | Arrived:
        offset = await self._start(file.range)
        source = _Rest(file, self._lease, offset, self._limit)
        if file.digest is None:
            total = await self._growing.append(self._key, offset, source.content())
        else:
            total = await self._append_checked(offset, source.checked(file.digest))
        source.raise_if_cut()
        if file.range is not None and file.range.total != total:
            return Arrived(total)
        require_bytes(total)
        return await self._finish(file, total, source.digest.hexdigest() if offset == 0 else "")

    async def _append_checked(self, offset: int, data: AsyncIterator[bytes]) -> int:
        """Append what comes once it has ended well; until then it lies beside."""
        beside = keys.unchecked(self._key)
        await self._storage.write(beside, data)
        try:
            return await self._growing.append(self._key, offset, self._leased(self._storage.stream(beside)))
        finally:
            await self._storage.delete(beside)

    async def _leased(self, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The data, as long as the lease is held."""
        async with aclosing(data) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                await self._lease.hold()
                yield piece

    async def _start(self, sent: ContentRange | None) -> int:
        """The byte at which the request must begin. Raises WrongOffset."""
        if sent is None:
            await self._growing.begin(self._key)
            return 0
        offset, whole = await arrived(self._storage, self._key)
        if whole and sent.total != offset:  # it is what another upload left
            await self._storage.delete(self._key)
            offset = 0
        if sent.first != offset:
            raise wrong_offset(offset, sent.first)
        if offset == 0:
            await self._growing.begin(self._key)
        return offset

    async def _answer(self, file: Part) -> Received | Arrived:
        """Answer a query for how much has arrived; finish the source if that is all."""
        offset, whole = await arrived(self._storage, self._key)
        if offset == 0 or (file.range and file.range.total != offset):
            return Arrived(offset)
        return await self._finish(file, offset, "", stored=whole)

    async def _finish(self, file: Part, size: int, sha256: str, *, stored: bool = False) -> Received:
        """Make the source of what has arrived. `sha256` is known if it came by one request; else it is read back, or
        taken later.
        """
        await self._lease.finish()
        if sha256:
            await self._require_match(sha256, file)
        if not stored:
            info = await self._growing.finish(self._key)
            if info.size != size:
                raise StorageError(f"The storage made {info.size} bytes of the {size} that arrived: upload them again.")
        if not sha256 and not file.hash_later:
            sha256 = await self._read_back()
            await self._require_match(sha256, file)
        return Received(file.file_name, size, sha256 or None)

    async def _require_match(self, found: str, file: Part) -> None:
        """Compare the checksums. If they differ, all bytes are dropped: which ones are wrong is unknown."""
        try:
            require_match(found, file.checksum)
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
    """The bytes of a request, from `offset` on."""

    def __init__(self, file: Part, lease: UploadLease, offset: int, limit: int) -> None:
        self._file, self._lease, self._limit = file, lease, limit
        self._position = self._offset = offset
        self._cut: Exception | None = None
        sent = file.range
        # Else it would not be that of the file, as far as can be known.
        self._hashes = offset == 0 and (sent is None or sent.end is None or sent.end == sent.total)
        self.digest = hashlib.sha256()

    def raise_if_cut(self) -> None:
        """Raise what broke the body off, or InvalidRequest if it was not as long as its range."""
        if self._cut is not None:
            raise self._cut
        end = self._file.range.end if self._file.range else None
        if end is not None and self._position != end:
            raise not_the_range()

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes, to their end or to where they break off; either way what came is kept, if the lease is held."""
        try:
            async for piece in self._pieces():
                yield piece
        except TooLarge:
            raise
        except Exception as error:
            self._cut = error
        await self._lease.finish()

    async def checked(self, digest: PartDigest) -> AsyncIterator[bytes]:
        """The bytes. Ends normally only if all came, and have that checksum."""
        found = digest.new()
        async for piece in self._pieces():
            await update(found, piece)
            yield piece
        self.raise_if_cut()
        digest.require_match(found)

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Raises what breaks the body off, and where there is more of it than there should be."""
        sent = self._file.range
        async for piece in blocks(self._file.content()):
            self._position += len(piece)
            if self._position > self._limit:
                raise too_large(self._limit)
            if sent and sent.end is not None and self._position > sent.end:
                raise not_the_range()
            if sent and sent.total is not None and self._position > sent.total:
                raise beyond(sent.total)
            await self._lease.hold()
            if self._hashes:
                await update(self.digest, piece)
            yield piece


def wrong_offset(offset: int, sent: int) -> WrongOffset:
    return WrongOffset(f"{offset} bytes have arrived, so the upload goes on at byte {offset}, not {sent}.", offset)
