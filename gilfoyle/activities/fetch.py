"""Fetch: the file of a media, from a URL. On the import queue, so that slow servers hold up nothing else."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.ingest.importing import Importing


class FetchInput(BaseModel):
    """Which import of which media. Its URL, which may be a secret, stays in the catalog."""

    media_id: UUID
    import_id: str


class Fetched(BaseModel):
    """How it goes on."""

    again_in_s: float | None = None
    """When to fetch again (seconds); None: it has ended."""


class GiveUpInput(BaseModel):
    """An import that can't be done, and why: a stable code and a sentence."""

    media_id: UUID
    import_id: str
    code: str
    message: str


class FetchActivities:
    """Every activity can run twice: the catalog knows the state of each import, and the storage what has arrived."""

    def __init__(self, importing: Importing) -> None:
        self._importing = importing

    @activity.defn
    async def fetch(self, job: FetchInput) -> Fetched:
        """Fetch on, until the file is there, can't be had, is not wanted any more, or its server needs a longer pause.

        Raises StorageError, Unavailable; Locked while an attempt before this one may still be alive.
        """
        return Fetched(again_in_s=await self._importing.run(job.media_id, job.import_id))

    @activity.defn
    async def give_up_import(self, job: GiveUpInput) -> None:
        """End it for a reason that fetching itself could not tell."""
        await self._importing.give_up(job.media_id, job.import_id, job.code, job.message)
