"""Store: hold the upload to what was received, so that nothing later works on half a file."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.errors import NotFound, UnsupportedMedia
from gilfoyle.storage import Storages, keys


class StoreInput(BaseModel):
    """`source_bytes` as the API counted them."""

    media_id: UUID
    storage: str = ""
    source_bytes: int


class StoreActivities:
    """On the io queue."""

    def __init__(self, storages: Storages, catalog: Catalog) -> None:
        self._storages = storages
        self._catalog = catalog

    @activity.defn
    async def store(self, job: StoreInput) -> None:
        """Verify the source under its final key. Its checksum was taken, and compared, while it was received.

        Raises NotFound if the media was deleted meanwhile, UnsupportedMedia if the object is not what was received.
        """
        media = await self._catalog.source(job.media_id)
        if media.status == MediaStatus.DELETING:
            raise NotFound("The media was deleted.")
        storage = await self._storages.of(job.storage)
        found = await storage.stat(keys.source(job.media_id))
        if found.size != job.source_bytes:
            raise UnsupportedMedia(
                f"The stored source has {found.size} bytes, but {job.source_bytes} were received: upload it again.",
                code="source_incomplete",
            )
