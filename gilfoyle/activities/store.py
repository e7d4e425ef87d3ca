"""Store: check that the stored source is what was received, so that no later step works on half a file."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Catalog
from gilfoyle.errors import ObjectNotFound, UnsupportedMedia
from gilfoyle.storage import Storages, keys


class StoreInput(BaseModel):
    """`source_bytes` as the API counted them."""

    media_id: UUID
    encoding: int = 1
    upload: int = 1
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

        Sources of earlier uploads are removed, except that of the version that plays. Raises NotFound if the media was
        deleted meanwhile, Conflict if it has a later encoding, UnsupportedMedia if the object is not what was received.
        """
        media = await self._catalog.encodings.begun(job.media_id, job.encoding)
        storage = await self._storages.of(job.storage)
        try:
            found = await storage.stat(keys.source(job.media_id, job.upload))
        except ObjectNotFound as error:
            raise UnsupportedMedia(
                "The source is not in the storage any more: upload it again.", code="source_missing"
            ) from error
        if found.size != job.source_bytes:
            raise UnsupportedMedia(
                f"The stored source has {found.size} bytes, but {job.source_bytes} were received: upload it again.",
                code="source_incomplete",
            )
        for earlier in {*range(1, job.upload)} - {media.upload}:
            await storage.delete(keys.source(job.media_id, earlier))
