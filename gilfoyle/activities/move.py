"""Moving one media from one backend to another. On the io queue, but for looking up which are next."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Catalog, Media, MediaStatus
from gilfoyle.errors import NotFound, ObjectNotFound, StorageError
from gilfoyle.storage import Storage, Storages
from gilfoyle.storage.relocation import Refused, Relocation
from gilfoyle.storage.removal import remove
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
    """Which medias to look up: up to `limit` that lie outside `target`, from the one after `after` on."""

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
    """Whether it can have objects: not before its upload."""


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
    """It can't move now: it is being uploaded or processed, or a rendition is tried again."""
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
        """Then the move is promised: it is begun again if Temporal loses it.

        Raises ConfigError if this worker has no such backend, or not the settings for it.
        """
        await self._storages.of(job.storage)
        info = activity.info()
        assert info.workflow_id and info.workflow_type  # it is a workflow's
        await self._catalog.errands.begin(info.workflow_id, info.workflow_type, job.job.model_dump(mode="json"))

    @activity.defn
    async def end_move(self) -> None:
        """It is not promised any more. On the pipeline queue."""
        await self._catalog.errands.end(activity.info().workflow_id or "")

    @activity.defn
    async def next_to_move(self, job: NextInput) -> NextMedias:
        """On the pipeline queue: it asks the catalog only."""
        medias = await self._catalog.moves.movable(job.target, job.source, job.after, job.without, job.limit)
        counts = await self._catalog.moves.elsewhere(job.target, job.source, job.without)
        return NextMedias(medias=[_candidate(media) for media in medias], left=counts.left, waiting=counts.waiting)

    @activity.defn
    async def move(self, job: MoveInput) -> Moved:
        """Copy the media's objects, verify them, and let the catalog change over. The old ones stay.

        Raises StorageError if a backend does not answer.
        """
        media = await self._movable(job)
        if isinstance(media, Moved):
            return media
        if media.status == MediaStatus.AWAITING_UPLOAD:
            await self._catalog.moves.switch(media, job.target)
            return _outcome(await self._find(job.media_id), job)
        source, target = await self._storages.of(job.source), await self._storages.of(job.target)
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
        return await remove(await self._storages.of(job.storage), self._catalog, job.media_id)

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
    """As the catalog has it; another attempt may have come to the end of it."""
    if media is None or media.status == MediaStatus.DELETING:
        return Moved(outcome=Outcome.GONE)
    return Moved(outcome=Outcome.MOVED if media.storage == job.target else Outcome.BUSY)


def _candidate(media: Media) -> Candidate:
    objects = media.status != MediaStatus.AWAITING_UPLOAD
    return Candidate(media_id=media.id, storage=media.storage, objects=objects)


def _mark() -> str:
    """How far an attempt before this one came."""
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
