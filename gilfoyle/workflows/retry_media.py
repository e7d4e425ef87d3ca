"""RetryMedia: renditions of a media that is Ready, encoded once more while it is played."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.temporal.messages import RETRY_SIGNAL
from gilfoyle.workflows.encoding import Encoding
from gilfoyle.workflows.publishing import errored

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.retrying import Recalled, RecallInput, ReleaseInput, RetryActivities, SettleInput
    from gilfoyle.catalog import RenditionProgress, RenditionStatus
    from gilfoyle.temporal.messages import ProcessMediaInput, RetryMediaInput

_CANCELLED = Reason("cancelled", "cancelled", "The retry was cancelled.")


@workflow.defn
class RetryMedia:
    """recall what waits → encode each alone → publish → settle; again until the catalog has none that waits."""

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._told = False

    @workflow.run
    async def run(self, job: RetryMediaInput) -> None:
        """The media is Ready and plays all the time; a rendition that fails again is Errored again."""
        while True:
            self._told = False
            work = await self._recall(job)
            if work.renditions:
                await self._redo(work)
            elif not self._told:
                return

    @workflow.signal(name=RETRY_SIGNAL)
    def rendition_waits(self) -> None:
        """The catalog has a rendition that waits; perhaps it was asked just before it had."""
        self._told = True

    @workflow.signal
    def segments_stored(self) -> None:
        """A pass that is still running has stored segments."""
        if self._encoding:
            self._encoding.note_stored()

    async def _recall(self, job: RetryMediaInput) -> Recalled:
        return await workflow.execute_activity_method(
            RetryActivities.recall,
            RecallInput(media_id=job.media_id, encoding=job.encoding, heartbeat_timeout_s=job.heartbeat_timeout_s),
            summary="what waits",
            **routes.catalog(),
        )

    async def _redo(self, work: Recalled) -> None:
        assert work.job and work.info and work.plan  # there is something to do
        failed = {name: Reason("encode_failed", code, message) for name, (code, message) in work.failed.items()}
        encoding = self._encoding = Encoding(work.job, work.info, work.plan, work.renditions, failed)
        try:
            await encoding.run()
            fault = encoding.fatal_fault()
            if work.cid and encoding.cid and work.cid != encoding.cid:
                await self._release(work.job, work.cid)
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._settle(work, dict.fromkeys(work.renditions, _CANCELLED), None)
                raise
            assert isinstance(error, ActivityError)
            fault = reason_of(error)
        faults = dict.fromkeys(work.renditions, fault) if fault else encoding.failed
        await self._settle(work, faults, encoding.cid)

    async def _release(self, job: ProcessMediaInput, cid: str) -> None:
        """Before the catalog has the new one: so a deletion that comes between finds all that is pinned."""
        await workflow.execute_activity_method(
            RetryActivities.release,
            ReleaseInput(media_id=job.media_id, storage=job.storage, cid=cid),
            summary=cid,
            **routes.io(),
        )

    async def _settle(self, work: Recalled, faults: Mapping[str, Reason | None], cid: str | None) -> None:
        assert work.job
        ended = []
        for name in work.renditions:
            fault = faults.get(name)
            ended.append(errored(name, fault) if fault else RenditionProgress(name=name, status=RenditionStatus.READY))
        await workflow.execute_activity_method(
            RetryActivities.settle,
            SettleInput(media_id=work.job.media_id, encoding=work.job.encoding, renditions=ended, cid=cid),
            summary=", ".join(f"{each.name} {each.status}" for each in ended),
            **routes.catalog(),
        )
