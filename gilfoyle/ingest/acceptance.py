"""Taking an upload in: what keeps others out meanwhile, where it goes, and that the catalog has it in the end."""

from __future__ import annotations

import logging
from uuid import UUID

from gilfoyle.catalog import Catalog, Media, MediaKind
from gilfoyle.errors import NotFound, StorageError
from gilfoyle.ingest.lease import UploadLease, upload_lease
from gilfoyle.ingest.receive import Incoming, Received, receive
from gilfoyle.storage import Storage, Storages, keys

log = logging.getLogger(__name__)


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
        name = self._storages.default
        async with upload_lease(self._catalog, media_id, name) as lease:
            incoming.check(self.upload_bytes)
            storage = await self._storages.of(name)
            key = keys.source(media_id, (await self._catalog.medias.get(media_id)).next_upload)
            received = await receive(incoming, lease, storage, key, self.upload_bytes)
            try:
                return await self._enter(media_id, kind, received, lease, name)
            except NotFound:  # deleted meanwhile, perhaps before the object was there
                await _discard(storage, key)
                raise

    async def _enter(
        self, media_id: UUID, kind: MediaKind, received: Received, lease: UploadLease, storage: str
    ) -> Media:
        async with lease.lock:
            return await self._catalog.uploads.accept(
                media_id,
                kind=kind,
                file_name=received.file_name,
                size=received.size,
                sha256=received.sha256,
                held=lease.until,
                storage=storage,
            )


async def _discard(storage: Storage, key: str) -> None:
    try:
        await storage.delete(key)
    except StorageError:
        log.exception("%s is left in the storage", key)
