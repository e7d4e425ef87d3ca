"""Cleanup: stop the workflows of a media, and remove what they left. On the io queue."""

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
    """Also remove the source of this upload, unless the catalog may still need it."""
    superseded: bool = False
    """Remove nothing if the catalog says that the encoding is played or being made."""
    storage: str = ""
    """Empty: the backend that the catalog names."""


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
        if job.superseded and job.encoding and await self._catalog.encodings.is_wanted(job.media_id, job.encoding):
            return 0
        if job.encoding is None and isinstance(storage, Resumable):
            await self._drop_growing(storage, job.media_id)
        removed = await remove(storage, self._catalog, job.media_id, job.encoding)
        if job.upload is not None and await self._is_useless(job.media_id, job.upload):
            await storage.delete(keys.source(job.media_id, job.upload))
        return removed

    @activity.defn
    async def hide(self, job: MediaInput) -> int:
        """Hide the media from clients and from the pipeline.

        Returns the number of its last encoding; 0 if there is no such media.
        """
        try:
            media = await self._catalog.medias.source(job.media_id)
            with suppress(NotFound):  # it is Deleting already
                await self._catalog.medias.mark_deleting(job.media_id)
        except NotFound:
            return 0
        return media.encodings

    @activity.defn
    async def stop(self, job: StopInput) -> None:
        """Cancel the workflows and wait until they, and so their ffmpeg processes, have ended."""
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
        """Drop what has arrived of an unaccepted upload, if the media is being deleted."""
        with suppress(NotFound):
            media = await self._catalog.medias.source(media_id)
            if media.status == MediaStatus.DELETING:
                await storage.abort(keys.source(media_id, media.next_upload))

    async def _is_useless(self, media_id: UUID, upload: int) -> bool:
        """Whether an upload will never be encoded: it is unusable, was replaced, or its media is deleted.

        None of these can change: each upload has a key of its own. Sources of a media that the catalog does not know
        stay: the catalog itself may be incomplete.
        """
        try:
            media = await self._catalog.medias.source(media_id)
        except NotFound:
            return False
        replacement = await self._catalog.replacements.of(media_id)
        users = [row for row in (media, replacement) if row and row.upload == upload]
        refused = [row for row in users if (row.status, row.error_code) == (MediaStatus.ERRORED, "not_media")]
        return users == refused or media.status == MediaStatus.DELETING

    async def _storage_of(self, media_id: UUID) -> str:
        try:
            return (await self._catalog.medias.source(media_id)).storage
        except NotFound:
            return self._storages.default

    @activity.defn
    async def forget(self, job: MediaInput) -> None:
        """Remove the rows."""
        await self._catalog.medias.remove(job.media_id)
