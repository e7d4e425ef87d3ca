"""Objects that a storage has but does not list: they are removed, so that they are encoded again.

Playlists contain what is listed; passes skip what they find by name. So such an object would be missing for ever.
SeaweedFS has them after its disk was full (docs/decisions/0029).
"""

from __future__ import annotations

import logging
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.media.plan import Plan
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.storage.stored import is_stored, stored_rendition
from gilfoyle.tasks import gather_or_cancel

log = logging.getLogger(__name__)


class UnlistedInput(BaseModel):
    """Renditions of an encoding that are incomplete though their passes have ended. `plan` without its passes."""

    media_id: UUID
    encoding: int
    storage: str = ""
    plan: Plan
    renditions: list[str]


class UnlistedActivities:
    """On the io queue. Can run twice."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages

    @activity.defn
    async def clear_unlisted(self, job: UnlistedInput) -> int:
        """Remove objects that exist but are not listed; returns how many. Raises StorageError.

        Call it only while no pass of the renditions runs: an earlier list lacks what a pass stores meanwhile.
        """
        storage = await self._storages.of(job.storage)
        # Side by side: of a long rendition that was lost as a whole, each segment is asked for.
        removed = sum(await gather_or_cancel(*(_clear(storage, job, rendition) for rendition in job.renditions)))
        if removed:
            sentence = "%s: the storage had %d objects that it did not list; they are removed and encoded again"
            log.warning(sentence, job.media_id, removed)
        return removed


async def _clear(storage: Storage, job: UnlistedInput, rendition: str) -> int:
    hidden = {key for key in await _unlisted(storage, job, rendition) if await is_stored(storage, key)}
    if hidden:
        # What an attempt that was given up has stored since the list was made is in this one.
        hidden &= await _unlisted(storage, job, rendition)
    for key in sorted(hidden):
        await storage.delete(key)
    return len(hidden)


async def _unlisted(storage: Storage, job: UnlistedInput, rendition: str) -> set[str]:
    """The keys that a whole rendition has and the storage doesn't list."""
    stored = await stored_rendition(storage, job.media_id, job.encoding, rendition)
    names = [keys.segment_name(index) for index in range(job.plan.segments(rendition)) if index not in stored.sizes]
    names += [] if stored.has_init else [keys.INIT_NAME]
    prefix = keys.rendition_prefix(job.media_id, job.encoding, rendition)
    return {f"{prefix}/{name}" for name in names}
