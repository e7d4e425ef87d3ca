"""Cleanup: stop what runs for a media, and remove what it left. On the io queue."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.catalog import Catalog
from gilfoyle.errors import NotFound, Unavailable
from gilfoyle.storage import Storage, keys

_POLL_S = 0.1


class DiscardInput(BaseModel):
    """What to remove of a media: one encoding, or with `encoding` None all of it, the source too."""

    media_id: UUID
    encoding: int | None = None


class StopInput(BaseModel):
    """The workflows to cancel and to wait for."""

    workflow_ids: list[str]


class MediaInput(BaseModel):
    """Which media."""

    media_id: UUID


class CleanupActivities:
    """Each can run twice and change nothing."""

    def __init__(self, storage: Storage, catalog: Catalog) -> None:
        self._storage = storage
        self._catalog = catalog

    @activity.defn
    async def discard(self, job: DiscardInput) -> int:
        """Remove objects; returns how many there were. Raises StorageError."""
        if job.encoding is None:
            return await self._storage.delete_prefix(keys.media_prefix(job.media_id))
        return await self._storage.delete_prefix(keys.encoding_prefix(job.media_id, job.encoding))

    @activity.defn
    async def hide(self, job: MediaInput) -> int:
        """From now on the media is gone for clients, and nothing of the pipeline changes it any more.

        Returns the number of its last encoding; 0 if there is no such media.
        """
        try:
            media = await self._catalog.source(job.media_id)
            with suppress(NotFound):  # it is Deleting already
                await self._catalog.mark_deleting(job.media_id)
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

    @activity.defn
    async def forget(self, job: MediaInput) -> None:
        """Remove the rows."""
        await self._catalog.remove(job.media_id)
