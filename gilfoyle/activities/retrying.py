"""Retrying renditions: the inputs that produce them, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ValidationError
from temporalio import activity

from gilfoyle.catalog import (
    FINAL,
    Catalog,
    Media,
    MediaStatus,
    Recipe,
    Rendition,
    RenditionProgress,
    RenditionStatus,
)
from gilfoyle.errors import NotFound
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.storage import ContentAddressed, Storages
from gilfoyle.storage.removal import unpin
from gilfoyle.temporal.messages import ProcessMediaInput


class ResumeInput(BaseModel):
    """A rendition of an encoding that still runs."""

    media_id: UUID
    encoding: int
    rendition: str


class RecallInput(BaseModel):
    """An encoding that is served."""

    media_id: UUID
    encoding: int
    heartbeat_timeout_s: float


class Recalled(BaseModel):
    """What must be encoded again, with which plan and policy. Without renditions there is nothing to do."""

    renditions: list[str] = []
    failed: dict[str, tuple[str, str]] = {}
    """Renditions that stay failed, with code and sentence."""
    cid: str | None = None
    """The CID that is served now, in IPFS."""
    job: ProcessMediaInput | None = None
    info: MediaInfo | None = None
    plan: Plan | None = None


class SettleInput(BaseModel):
    """How each rendition ended: Ready or Errored. `cid`: the encoding's new CID, if it has changed."""

    media_id: UUID
    encoding: int
    renditions: list[RenditionProgress]
    cid: str | None = None


class ReleaseInput(BaseModel):
    """A CID of the media that is no longer served."""

    media_id: UUID
    storage: str
    cid: str


class RetryActivities:
    """Every activity is idempotent. On the pipeline queue, except `release`, which is on the io queue."""

    def __init__(self, storages: Storages, catalog: Catalog) -> None:
        self._storages = storages
        self._catalog = catalog

    @activity.defn
    async def resume(self, job: ResumeInput) -> None:
        """Set the rendition to waiting again, until the next report on it."""
        await self._catalog.retries.resume(job.media_id, job.encoding, job.rendition)

    @activity.defn
    async def recall(self, job: RecallInput) -> Recalled:
        """The renditions of a Ready media that wait for a retry; none if it was deleted meanwhile.

        A recipe that this release can't read makes its renditions Errored again: nobody could encode them.
        """
        try:
            media = await self._catalog.medias.get(job.media_id)
        except NotFound:
            return Recalled()
        recipe = await self._catalog.encodings.recipe(job.media_id, job.encoding)
        if media.status != MediaStatus.READY or media.encoding != job.encoding or recipe is None:
            return Recalled()
        rows = await self._catalog.medias.renditions(job.media_id, job.encoding)
        waiting = [row.name for row in rows if row.status not in FINAL]
        if not waiting:
            await self._catalog.retries.settle(
                job.media_id, job.encoding, []
            )  # nothing is promised any more, if anything was
            return Recalled()
        try:
            return _recalled(media, recipe, rows, waiting, job.heartbeat_timeout_s)
        except ValidationError:
            await self._catalog.retries.settle(job.media_id, job.encoding, [_unreadable(name) for name in waiting])
            return Recalled()

    @activity.defn
    async def settle(self, job: SettleInput) -> None:
        """Enter how each rendition ended."""
        await self._catalog.retries.settle(job.media_id, job.encoding, job.renditions, job.cid)

    @activity.defn
    async def release(self, job: ReleaseInput) -> None:
        """Unpin the CID, unless another media has the same content. Raises StorageError."""
        storage = await self._storages.of(job.storage)
        if isinstance(storage, ContentAddressed):
            await unpin(storage, self._catalog, job.cid, job.media_id)


def _recalled(
    media: Media, recipe: Recipe, rows: Sequence[Rendition], waiting: list[str], heartbeat_timeout_s: float
) -> Recalled:
    """Read the stored recipe. Raises ValidationError if this release can't read it."""
    errored = [row for row in rows if row.status == RenditionStatus.ERRORED]
    return Recalled(
        renditions=waiting,
        failed={row.name: (row.error_code or "", row.error_message or "") for row in errored},
        cid=media.cid,
        job=ProcessMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            upload=media.upload,
            kind=media.kind or "",
            storage=media.storage,
            source_bytes=media.source_bytes or 0,
            policy=EncodingPolicy.model_validate(recipe.policy),
            heartbeat_timeout_s=heartbeat_timeout_s,
        ),
        info=MediaInfo.model_validate(media.probe),
        plan=Plan.model_validate(recipe.plan),
    )


def _unreadable(name: str) -> RenditionProgress:
    return RenditionProgress(
        name=name,
        status=RenditionStatus.ERRORED,
        error_code="no_recipe",
        error_message="This release can't read how the media was encoded: to have the rendition, upload it anew.",
    )
