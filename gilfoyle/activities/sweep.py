"""Sweep: remove from the storage what no media owns. On the io queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Catalog
from gilfoyle.errors import GilfoyleError, Unavailable
from gilfoyle.storage import Storages
from gilfoyle.storage.base import Unfinished
from gilfoyle.sweep.rules import Orphan, too_many
from gilfoyle.sweep.survey import Backend, Survey
from gilfoyle.temporal.attempts import own_details
from gilfoyle.temporal.messages import SweptBackend, SweptItem

log = logging.getLogger(__name__)

# A result must stay far below Temporal's 2 MiB.
_LISTED = 200


class SweepBackendInput(BaseModel):
    """See SweepInput."""

    backend: str
    older_than_s: float
    dry_run: bool = False
    force: bool = False


class SweepTargets(BaseModel):
    """Names of backends."""

    backends: list[str]


class Removed(BaseModel):
    """What earlier attempts have removed: heartbeats carry it, so that the result counts it, too."""

    folders: int = 0
    writes: int = 0
    bytes: int = 0


class SweepActivities:
    """Every activity can run twice."""

    def __init__(self, storages: Storages, catalog: Catalog, moving: Callable[[], Awaitable[bool]]) -> None:
        """`moving` tells whether medias are moving between backends at this moment."""
        self._storages = storages
        self._catalog = catalog
        self._moving = moving

    @activity.defn
    async def backends_in_use(self) -> SweepTargets:
        """The backend for new medias, and all backends that hold medias."""
        return SweepTargets(backends=sorted({self._storages.default, *await self._catalog.owners.storages()}))

    @activity.defn
    async def sweep(self, job: SweepBackendInput) -> SweptBackend:
        """Remove what no media owns from a backend, unless it is suspiciously much. Raises Unavailable.

        Faults of the backend itself are in the result: a later sweep finds the rest.
        """
        swept = SweptBackend(backend=job.backend)
        removed = Removed(**(own_details() or [{}])[0])
        try:
            storage = await self._storages.of(job.backend)
            backend = Backend(job.backend, storage, self._catalog, job.older_than_s, self._moving)
            survey = await backend.survey()
            _note(swept, survey, removed)
            if not job.force and too_many(survey.orphans, survey.medias):
                swept.refused = _refusal(survey)
            elif not job.dry_run:
                await _remove(survey, backend, removed)
            swept.fault = " ".join(backend.faults)
        except Unavailable:
            raise
        except GilfoyleError as error:
            log.warning("the sweep of %s ends early: %s", job.backend, error.message)
            swept.fault = error.message
        swept.removed, swept.unfinished_removed, swept.bytes_freed = removed.folders, removed.writes, removed.bytes
        return swept


async def _remove(survey: Survey, backend: Backend, removed: Removed) -> None:
    for orphan in survey.orphans:
        if gone := await backend.remove(orphan):
            removed.folders += 1
            removed.bytes += gone.content.bytes
            activity.heartbeat(removed)
            log.info("removed %s (%s)", gone.key, gone.reason)
    for write in survey.unfinished:
        if await backend.abandon(write):
            removed.writes += 1
            removed.bytes += write.size or 0
            activity.heartbeat(removed)


def _note(swept: SweptBackend, survey: Survey, removed: Removed) -> None:
    swept.medias, swept.foreign = survey.medias, survey.foreign
    swept.found = len(survey.orphans) + removed.folders
    swept.unfinished_found = len(survey.unfinished) + removed.writes
    swept.bytes_found = removed.bytes + sum(orphan.content.bytes for orphan in survey.orphans)
    swept.bytes_found += sum(write.size or 0 for write in survey.unfinished)
    items = [*map(_orphan, survey.orphans[:_LISTED]), *map(_unfinished, survey.unfinished[:_LISTED])]
    swept.items = items[:_LISTED]


def _orphan(orphan: Orphan) -> SweptItem:
    content = orphan.content
    return SweptItem(key=orphan.key, reason=orphan.reason, bytes=content.bytes, age_s=content.age_s)


def _unfinished(write: Unfinished) -> SweptItem:
    return SweptItem(key=write.key, reason="unfinished", bytes=write.size, age_s=time.time() - write.modified)


def _refusal(survey: Survey) -> str:
    gone = sum(orphan.is_whole for orphan in survey.orphans)
    return (
        f"{gone} of {survey.medias} folders of medias would be removed, more than half, so nothing was: "
        "is this the right catalog, and is it whole? If it is, `gilfoyle storage sweep --force` removes them."
    )
