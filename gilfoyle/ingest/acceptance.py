"""Taking an upload in: what keeps others out meanwhile, where it goes, and that the catalog has it in the end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from gilfoyle.catalog import TAKES_UPLOAD, Catalog, Media, MediaKind
from gilfoyle.errors import InvalidRequest, NotFound, StorageError
from gilfoyle.ingest.lease import UploadLease, upload_lease
from gilfoyle.ingest.plain import PlainFile
from gilfoyle.ingest.receive import Incoming, Received, receive
from gilfoyle.ingest.resume import Arrived, Resumption, arrived
from gilfoyle.storage import Resumable, Storage, Storages, keys

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Where a source goes, and the right to put it there."""

    lease: UploadLease
    storage_name: str
    storage: Storage
    key: str


class Ingest:
    """What the transports hand files to."""

    def __init__(self, catalog: Catalog, storages: Storages, upload_bytes: int) -> None:
        """`upload_bytes`: how many a file may have."""
        self._catalog = catalog
        self._storages = storages
        self.upload_bytes = upload_bytes

    async def accept(self, media_id: UUID, kind: MediaKind, incoming: Incoming) -> Media:
        """The media, Processing, with the file stored as its source.

        Refused before a byte is read: an unknown media (NotFound), one that takes no upload now (Conflict), and what
        `incoming` refuses. Raises what `receive` raises; then the media is as before.
        """
        async with self._place(media_id, incoming) as place:
            received = await receive(incoming, place.lease, place.storage, place.key, self.upload_bytes)
            return await self._enter(media_id, kind, received, place)

    async def resume(self, media_id: UUID, kind: MediaKind, file: PlainFile) -> Media | Arrived:
        """As `accept`, where what arrives of a file that breaks off is kept, if the storage can do that.

        How much has arrived, if more is to come; or if the file is only asked for, and is that of the media already.
        Also raises WrongOffset, and what breaks the body off.
        """
        if file.range is not None and file.range.asks:
            there = await self.arrived(media_id)
            if there.complete == (there.offset == file.range.total):
                return there
        async with self._place(media_id, file) as place:
            if isinstance(place.storage, Resumable):
                resumption = Resumption(place.storage, place.storage, place.key, place.lease, self.upload_bytes)
                received = await resumption.take(file)
            elif file.is_whole:
                received = await receive(file, place.lease, place.storage, place.key, self.upload_bytes)
            else:
                raise _not_resumable()
            return received if isinstance(received, Arrived) else await self._enter(media_id, kind, received, place)

    async def arrived(self, media_id: UUID) -> Arrived:
        """How much of the file is there. Raises NotFound, StorageError."""
        media = await self._catalog.medias.get(media_id)
        if media.status not in TAKES_UPLOAD:
            return Arrived(media.source_bytes or 0, complete=True)
        storage = await self._storages.of()
        offset, _whole = await arrived(storage, keys.source(media_id, media.next_upload))
        return Arrived(offset, complete=False)

    @asynccontextmanager
    async def _place(self, media_id: UUID, incoming: Incoming) -> AsyncIterator[_Place]:
        """Where the source goes, until the end of the block. Raises NotFound, Conflict, and what `incoming` refuses."""
        name = self._storages.default
        async with upload_lease(self._catalog, media_id, name) as lease:
            incoming.check(self.upload_bytes)
            storage = await self._storages.of(name)
            key = keys.source(media_id, (await self._catalog.medias.get(media_id)).next_upload)
            yield _Place(lease, name, storage, key)

    async def _enter(self, media_id: UUID, kind: MediaKind, received: Received, place: _Place) -> Media:
        """Tell the catalog what is stored. Raises NotFound, Conflict."""
        try:
            async with place.lease.lock:
                return await self._catalog.uploads.accept(
                    media_id,
                    kind=kind,
                    file_name=received.file_name,
                    size=received.size,
                    sha256=received.sha256,
                    held=place.lease.until,
                    storage=place.storage_name,
                )
        except NotFound:  # deleted meanwhile, perhaps before the object was there
            await _discard(place.storage, place.key)
            raise


def _not_resumable() -> InvalidRequest:
    return InvalidRequest(
        "The storage can't keep a part of a file: send it whole, without Content-Range.", code="not_resumable"
    )


async def _discard(storage: Storage, key: str) -> None:
    try:
        await storage.delete(key)
    except StorageError:
        log.exception("%s is left in the storage", key)
