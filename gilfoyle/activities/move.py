"""Moving one media from one backend to another. On the io queue, except for the look-ups in the catalog."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Catalog, Media, MediaStatus
from gilfoyle.errors import NotFound, ObjectNotFound, StorageError
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.storage.relocation import Refused, Relocation
from gilfoyle.storage.removal import drop, remove
from gilfoyle.storage.verified import Damaged
from gilfoyle.temporal.attempts import own_details
from gilfoyle.temporal.messages import MoveStorageInput

# Backends that answer, and yet this media can't be copied: after so many attempts, two minutes, a person must look.
_ATTEMPTS = 8


class OpenInput(BaseModel):
    """A backend's name, and what the move into it was asked to do."""

    storage: str
    job: MoveStorageInput


class NextInput(BaseModel):
    """Which medias to look up: at most `limit` that lie outside `target`, beginning after `after`."""

    target: str
    source: str
    after: UUID | None
    without: list[UUID]
    limit: int


class Candidate(BaseModel, frozen=True):
    """A media, and the backend in which it lies."""

    media_id: UUID
    storage: str
    objects: bool
    """Whether the media can have objects: never before its upload."""


class NextMedias(BaseModel):
    """The medias that can move now; how many there are outside the target, and how many of those can't move yet."""

    medias: list[Candidate]
    left: int
    waiting: int


class MoveInput(BaseModel):
    """A media, from where to where."""

    media_id: UUID
    source: str
    target: str


class Outcome(StrEnum):
    """What became of a media that was to move."""

    MOVED = "moved"
    BUSY = "busy"
    """The media can't move now: it is being uploaded or processed, or a rendition is retried."""
    GONE = "gone"
    """It was deleted meanwhile."""
    FAILED = "failed"


class Moved(BaseModel):
    """What became of a media, with the number and bytes of its objects, or the reason why it stays."""

    outcome: Outcome
    objects: int = 0
    bytes: int = 0
    message: str = ""


class ClearInput(BaseModel):
    """A media, and a backend in which nothing of it should lie."""

    media_id: UUID
    storage: str


class MoveActivities:
    """Each can run twice and change nothing."""

    def __init__(self, storages: Storages, catalog: Catalog) -> None:
        self._storages = storages
        self._catalog = catalog

    @activity.defn
    async def open_backend(self, job: OpenInput) -> None:
        """Open the backend and record the move, so that it is started again if Temporal loses it.

        Raises ConfigError if this worker has no such backend, or lacks its settings.
        """
        await self._storages.open(job.storage)
        info = activity.info()
        assert info.workflow_id and info.workflow_type  # it is a workflow's
        await self._catalog.errands.begin(info.workflow_id, info.workflow_type, job.job.model_dump(mode="json"))

    @activity.defn
    async def end_move(self) -> None:
        """The move is done: forget the record of it. On the pipeline queue."""
        await self._catalog.errands.end(activity.info().workflow_id or "")

    @activity.defn
    async def next_to_move(self, job: NextInput) -> NextMedias:
        """On the pipeline queue: it asks the catalog only."""
        medias = await self._catalog.moves.movable(job.target, job.source, job.after, job.without, job.limit)
        counts = await self._catalog.moves.elsewhere(job.target, job.source, job.without)
        return NextMedias(medias=[_candidate(media) for media in medias], left=counts.left, waiting=counts.waiting)

    @activity.defn
    async def move(self, job: MoveInput) -> Moved:
        """Copy the media's objects, verify them, and switch the catalog to them. The old objects stay.

        What a paused upload has brought so far goes: it begins anew. Raises StorageError if a backend does not answer.
        """
        moved = await self._move(job)
        if moved.outcome == Outcome.MOVED:
            await self._drop_arrived(job)
        return moved

    async def _move(self, job: MoveInput) -> Moved:
        media = await self._movable(job)
        if isinstance(media, Moved):
            return media
        if media.status == MediaStatus.AWAITING_UPLOAD and not await self._catalog.medias.has_own_objects(media.id):
            await self._catalog.moves.switch(media, job.target)
            return _outcome(await self._find(job.media_id), job)
        source, target = await self._storages.open(job.source), await self._storages.open(job.target)
        try:
            return await self._relocate(media, source, target, job)
        except (Refused, StorageError) as error:
            if isinstance(now := await self._movable(job), Moved):
                return now  # its objects were taken away meanwhile, and rightly
            if isinstance(error, (Refused, Damaged)) or await self._is_hopeless(source, target):
                return Moved(outcome=Outcome.FAILED, message=str(error))
            raise

    @activity.defn
    async def clear(self, job: ClearInput) -> int:
        """Remove the media's objects from a backend, unless it lies there; returns how many there were.

        Raises StorageError.
        """
        media = await self._find(job.media_id)
        # One that awaits its upload may get it at any moment, in whichever backend that goes to.
        if media is not None and (media.storage == job.storage or media.status == MediaStatus.AWAITING_UPLOAD):
            return 0
        return await remove(await self._storages.open(job.storage), self._catalog, job.media_id)

    async def _relocate(self, media: Media, source: Storage, target: Storage, job: MoveInput) -> Moved:
        relocation = Relocation(media, source, target)
        objects = await relocation.copy(_mark(), lambda mark: activity.heartbeat(mark.key, mark.objects, mark.bytes))
        # Asked after the objects were listed: so nothing had been taken away from the old backend by then.
        if isinstance(now := await self._movable(job), Moved):
            return now
        cid = await relocation.complete(objects)
        if not await self._catalog.moves.switch(media, job.target, cid):
            return _outcome(await self._find(job.media_id), job)
        return Moved(outcome=Outcome.MOVED, objects=len(objects), bytes=sum(item.size for item in objects.values()))

    async def _drop_arrived(self, job: MoveInput) -> None:
        source = await self._storages.open(job.source)
        # The row is held, so that no upload goes on with it while it goes: that would have switched it back.
        async with self._catalog.owners.held(job.media_id) as owner:
            if owner is not None and owner.storage == job.target:
                key = keys.source(job.media_id, owner.uploads + 1)
                await drop(source, key)
                await source.delete(key)  # whole, of a process that died before it was accepted

    async def _is_hopeless(self, source: Storage, target: Storage) -> bool:
        return activity.info().attempt >= _ATTEMPTS and await _answers(source) and await _answers(target)

    async def _movable(self, job: MoveInput) -> Media | Moved:
        """The media if it can be moved now; else what became of it."""
        media = await self._find(job.media_id)
        if media is not None and media.storage == job.source and await self._catalog.moves.at_rest(media.id):
            return media
        return _outcome(media, job)

    async def _find(self, media_id: UUID) -> Media | None:
        try:
            return await self._catalog.medias.source(media_id)
        except NotFound:
            return None


def _outcome(media: Media | None, job: MoveInput) -> Moved:
    """The outcome in the catalog: another attempt may have finished the move."""
    if media is None or media.status == MediaStatus.DELETING:
        return Moved(outcome=Outcome.GONE)
    return Moved(outcome=Outcome.MOVED if media.storage == job.target else Outcome.BUSY)


def _candidate(media: Media) -> Candidate:
    objects = media.status != MediaStatus.AWAITING_UPLOAD
    return Candidate(media_id=media.id, storage=media.storage, objects=objects)


def _mark() -> str:
    """How far the previous attempt came."""
    details = own_details()
    return str(details[0]) if details else ""


async def _answers(storage: Storage) -> bool:
    try:
        await storage.stat("none/none")
    except ObjectNotFound:
        pass
    except StorageError:
        return False
    return True
