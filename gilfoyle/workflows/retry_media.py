"""RetryMedia: encode failed renditions of a Ready media again while it is played."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.workflows.encoding import Encoding
from gilfoyle.workflows.publishing import errored

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.retrying import Recalled, RecallInput, ReleaseInput, RetryActivities, SettleInput
    from gilfoyle.catalog import RenditionProgress, RenditionStatus
    from gilfoyle.temporal.messages import RETRY_SIGNAL, EncodingState, ProcessMediaInput, RetryMediaInput

_CANCELLED = Reason("cancelled", "cancelled", "The retry was cancelled.")


@workflow.defn
class RetryMedia:
    """recall waiting renditions → encode each alone → publish → settle; repeat until none waits."""

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._told = False

    @workflow.run
    async def run(self, job: RetryMediaInput) -> None:
        """Retry the renditions. The media stays Ready and playable; a rendition that fails again is Errored again."""
        while True:
            self._told = False
            work = await self._recall(job)
            if work.renditions:
                await self._redo(work, job)
                job = job.model_copy(update={"state": None, "renditions": []})
            elif not self._told:
                return

    @workflow.signal(name=RETRY_SIGNAL)
    def rendition_waits(self) -> None:
        """A rendition waits in the catalog; the workflow may have looked just before."""
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

    async def _redo(self, work: Recalled, job: RetryMediaInput) -> None:
        assert work.job and work.info and work.plan  # there is something to do
        failed = {name: Reason("encode_failed", code, message) for name, (code, message) in work.failed.items()}
        work.job.most_events, work.job.most_bytes = job.most_events, job.most_bytes
        encoding = Encoding(work.job, work.info, work.plan, work.renditions, failed, _state_of(job))
        self._encoding = encoding
        try:
            await encoding.run()
            fault = encoding.fatal_fault()
            if fault is None and (state := encoding.state):
                workflow.continue_as_new(job.model_copy(update={"state": state, "renditions": work.renditions}))
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
        """Release the old CID before the catalog has the new one: a deletion in between must find all pins."""
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


def _state_of(job: RetryMediaInput) -> EncodingState | None:
    """How far the run before this one came. Renditions that failed then and wait now do not count as failed."""
    if job.state is None:
        return None
    failed = {name: why for name, why in job.state.failed.items() if name in job.renditions}
    return job.state.model_copy(update={"failed": failed})
