"""The catalog's side of the pipeline: the plan and its rows, progress, and how it ended. On the pipeline queue."""

from __future__ import annotations

import logging
from collections import Counter
from uuid import UUID

from pydantic import BaseModel, ValidationError
from temporalio import activity

from gilfoyle.catalog import Catalog, MediaKind, Rendition, RenditionProgress
from gilfoyle.errors import Conflict, NotFound, UnsupportedMedia
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.ladder import AudioRendition, VideoRendition
from gilfoyle.media.plan import FIRST_PRIORITY, Plan, make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.tracks import VIDEO_TRACK
from gilfoyle.temporal.routes import queue_of

log = logging.getLogger(__name__)


class PlanInput(BaseModel):
    """The probe's result and the operator's policy. `kind`: `audio`, if only the audio is wanted."""

    media_id: UUID
    encoding: int
    kind: str
    info: MediaInfo
    policy: EncodingPolicy


class ProgressInput(BaseModel):
    """How far the renditions are; `progress` is the media's, 0 to 1. `held_back`: see `catalog.encodings.progress`."""

    media_id: UUID
    encoding: int
    renditions: list[RenditionProgress]
    playable: bool
    progress: float
    held_back: dict[str, int] | None = None


class FinishInput(BaseModel):
    """Which encoding is whole, and the CID of its folder if it lies in IPFS."""

    media_id: UUID
    encoding: int
    cid: str | None = None


class FailInput(BaseModel):
    """Why there will be no stream: a stable code and a sentence."""

    media_id: UUID
    encoding: int
    code: str
    message: str


class CatalogActivities:
    """Every activity is idempotent; none brings a deleted media back."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @activity.defn
    async def plan(self, job: PlanInput) -> Plan:
        """Plan the encoding and enter its renditions. The history keeps the plan, so the planner may change;
        the catalog keeps plan and policy, so the history may be lost.

        Without video it is audio, whatever the client said. Raises UnsupportedMedia if only the audio is wanted
        and there is none.
        """
        if job.info.video is None:
            job.kind = MediaKind.AUDIO
        elif job.kind == MediaKind.AUDIO:
            if job.info.main_audio is None:
                raise UnsupportedMedia(
                    "The file holds video but no audio: upload it again, not for its audio only.", code="no_audio"
                )
            job.info = job.info.model_copy(update={"video": None})
        plan = await self._begun(job) or make_plan(job.info, job.policy)
        await self._catalog.encodings.plan(
            job.media_id,
            job.encoding,
            _rows(job, plan),
            tracks=plan.tracks,
            kind=job.kind,
            probe=(job.info.model_dump(mode="json"), float(plan.grid.duration)),
            recipe=(plan.model_dump(mode="json"), job.policy.model_dump(mode="json")),
            held_back=Counter(queue_of(each, plan) for each in plan.passes if each.priority != FIRST_PRIORITY),
        )
        return plan

    async def _begun(self, job: PlanInput) -> Plan | None:
        """The stored plan, if the encoding had begun before its workflow was lost: it fits what is stored.

        Raises Conflict if another release, which read the file differently, made it.
        """
        recipe = await self._catalog.encodings.recipe(job.media_id, job.encoding)
        if recipe is None:
            return None
        probed = await self._catalog.encodings.probed(job.media_id, job.encoding)
        try:
            if MediaInfo.model_validate(probed) == job.info:
                return Plan.model_validate(recipe.plan)
        except ValidationError:
            log.info("what was kept of media %s can't be read by this release", job.media_id)
        raise Conflict("The encoding was begun by another release: try the media again.", code="other_release")

    @activity.defn
    async def update_progress(self, job: ProgressInput) -> None:
        """Enter how far the renditions are."""
        await self._catalog.encodings.progress(
            job.media_id, job.encoding, job.renditions, job.playable, job.progress, job.held_back
        )

    @activity.defn
    async def finish(self, job: FinishInput) -> None:
        """The media is Ready, and serves this encoding."""
        await self._catalog.encodings.finish(job.media_id, job.encoding, job.cid)

    @activity.defn
    async def fail(self, job: FailInput) -> None:
        """The media is Errored."""
        await self._catalog.encodings.fail(job.media_id, job.code, job.message, job.encoding)

    @activity.defn
    async def cancelled(self, job: FailInput) -> bool:
        """The media is Errored, if it is not yet; whether what was encoded is to be removed.

        Not of what plays, and not of a media that is deleted: that removes all.
        """
        await self.fail(job)
        try:
            await self._catalog.medias.get(job.media_id)
        except NotFound:
            return False
        return not await self._catalog.encodings.is_wanted(job.media_id, job.encoding)


def _rows(job: PlanInput, plan: Plan) -> list[Rendition]:
    """The ladder's rows, the best first."""
    renditions: list[VideoRendition | AudioRendition] = [*plan.video, *plan.audio]
    return [_row(job, plan, position, rendition) for position, rendition in enumerate(renditions)]


def _row(job: PlanInput, plan: Plan, position: int, rendition: VideoRendition | AudioRendition) -> Rendition:
    row = Rendition(
        media_id=job.media_id,
        encoding=job.encoding,
        name=rendition.name,
        kind=MediaKind.VIDEO if isinstance(rendition, VideoRendition) else MediaKind.AUDIO,
        position=position,
        segments=plan.segments(rendition.name),
    )
    if isinstance(rendition, VideoRendition):
        row.width, row.height, row.frame_rate = rendition.width, rendition.height, float(plan.grid.rate)
        row.track = VIDEO_TRACK
    else:
        row.channels, row.track = rendition.channels, rendition.track
    return row
