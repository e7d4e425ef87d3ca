"""Cleanup: stop what runs for a media, and remove what it left. On the io queue."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.errors import NotFound, Unavailable
from gilfoyle.storage import Resumable, Storages, keys
from gilfoyle.storage.removal import remove

_POLL_S = 0.1


class DiscardInput(BaseModel):
    """What to remove of a media: one encoding, or with `encoding` None all of it, the sources too."""

    media_id: UUID
    encoding: int | None = None
    upload: int | None = None
    """The source of this upload as well, unless the catalog says that it may still be of use."""
    storage: str = ""
    """Empty: the backend in which the catalog says that it lies."""


class StopInput(BaseModel):
    """The workflows to cancel and to wait for."""

    workflow_ids: list[str]


class MediaInput(BaseModel):
    """Which media."""

    media_id: UUID


class CleanupActivities:
    """Each can run twice and change nothing."""

    def __init__(self, storages: Storages, catalog: Catalog) -> None:
        self._storages = storages
        self._catalog = catalog

    @activity.defn
    async def discard(self, job: DiscardInput) -> int:
        """Remove objects; returns how many there were. Raises StorageError."""
        storage = await self._storages.of(job.storage or await self._storage_of(job.media_id))
        if job.encoding is None and isinstance(storage, Resumable):
            await self._drop_growing(storage, job.media_id)
        removed = await remove(storage, self._catalog, job.media_id, job.encoding)
        if job.upload is not None and await self._is_useless(job.media_id, job.encoding):
            await storage.delete(keys.source(job.media_id, job.upload))
        return removed

    @activity.defn
    async def hide(self, job: MediaInput) -> int:
        """From now on the media is gone for clients, and nothing of the pipeline changes it any more.

        Returns the number of its last encoding; 0 if there is no such media.
        """
        try:
            media = await self._catalog.medias.source(job.media_id)
            with suppress(NotFound):  # it is Deleting already
                await self._catalog.medias.mark_deleting(job.media_id)
        except NotFound:
            return 0
        return media.encoding

    @activity.defn
    async def stop(self, job: StopInput) -> None:
        """Cancel the workflows and wait until they have ended, and so until their ffmpegs have."""
        for workflow_id in job.workflow_ids:
            handle = activity.client().get_workflow_handle(workflow_id)
            try:
                await handle.cancel()
                while (await handle.describe()).status == WorkflowExecutionStatus.RUNNING:
                    await asyncio.sleep(_POLL_S)
            except RPCError as error:
                # Never started, or ended long ago: nothing to stop.
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise Unavailable("Temporal can't be reached.") from error

    async def _drop_growing(self, storage: Resumable, media_id: UUID) -> None:
        """Of a media that is being deleted: what has arrived of its upload, or of another one after it was Errored."""
        with suppress(NotFound):
            media = await self._catalog.medias.source(media_id)
            if media.status == MediaStatus.DELETING:
                for upload in (media.upload, media.upload + 1):
                    await storage.abort(keys.source(media_id, upload))

    async def _is_useless(self, media_id: UUID, encoding: int | None) -> bool:
        """Whether the source of an encoding that has failed is no media, or its media is being deleted.

        Neither changes any more: what is no media is never tried again, and another upload has another key. A media
        that the catalog does not know is none of ours to judge: it may be the catalog that is not whole.
        """
        try:
            media = await self._catalog.medias.source(media_id)
        except NotFound:
            return False
        refused = (media.status, media.error_code, media.encoding) == (MediaStatus.ERRORED, "not_media", encoding)
        return refused or media.status == MediaStatus.DELETING

    async def _storage_of(self, media_id: UUID) -> str:
        try:
            return (await self._catalog.medias.source(media_id)).storage
        except NotFound:
            return self._storages.default

    @activity.defn
    async def forget(self, job: MediaInput) -> None:
        """Remove the rows."""
        await self._catalog.medias.remove(job.media_id)
