"""ProcessMedia: from an accepted upload to a stream. Decisions only; all work is in activities."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.workflows.encoding import Encoding

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.catalog import CatalogActivities, FailInput, FinishInput, PlanInput
    from gilfoyle.activities.cleanup import CleanupActivities, DiscardInput
    from gilfoyle.activities.probe import ProbeActivities, ProbeInput
    from gilfoyle.activities.store import StoreActivities, StoreInput
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.plan import Plan
    from gilfoyle.temporal.messages import ProcessMediaInput, RetryRenditionInput


@workflow.defn
class ProcessMedia:
    """store → probe → plan → transcode in passes, packaging as it grows → Ready, or Errored with a reason."""

    def __init__(self) -> None:
        self._encoding: Encoding | None = None

    @workflow.run
    async def run(self, job: ProcessMediaInput) -> None:
        """Fails with the reason that the catalog has too, so that Temporal's web UI shows it."""
        try:
            fault = await self._process(job)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            fault = reason_of(error)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if fault:
            await self._give_up(job, fault)
            raise ApplicationError(fault.message, fault.code, type=fault.kind, non_retryable=True)

    @workflow.signal
    def segments_stored(self) -> None:
        """A pass that is still running has stored segments."""
        if self._encoding:
            self._encoding.note_stored()

    @workflow.update
    async def retry_rendition(self, asked: RetryRenditionInput) -> None:
        """Try a rendition again that could not be encoded. Returns once it waits for its passes."""
        assert self._encoding  # else it was refused
        await self._encoding.retry(asked.rendition)

    @retry_rendition.validator
    def _refuse(self, asked: RetryRenditionInput) -> None:
        if self._encoding is None:
            raise ApplicationError("Nothing is encoded yet.")
        self._encoding.check_retry(asked.rendition)

    async def _process(self, job: ProcessMediaInput) -> Reason | None:
        workflow.set_current_details("Checking the upload")
        info = await self._examine(job)
        plan = await self._plan(job, info)
        self._encoding = Encoding(job, info, plan)
        await self._encoding.run()
        if fault := self._encoding.fatal_fault():
            return fault
        await workflow.execute_activity_method(
            CatalogActivities.finish,
            FinishInput(media_id=job.media_id, encoding=job.encoding, cid=self._encoding.cid),
            summary="Ready",
            **routes.catalog(),
        )
        return None

    async def _examine(self, job: ProcessMediaInput) -> MediaInfo:
        await workflow.execute_activity_method(
            StoreActivities.store,
            StoreInput(
                media_id=job.media_id,
                encoding=job.encoding,
                upload=job.upload,
                storage=job.storage,
                source_bytes=job.source_bytes,
            ),
            summary=f"{job.source_bytes:,} bytes",
            **routes.io(),
        )
        return await workflow.execute_activity_method(
            ProbeActivities.probe,
            ProbeInput(media_id=job.media_id, upload=job.upload, storage=job.storage),
            summary=job.kind,
            priority=routes.PROBING,
            **routes.io(),
        )

    async def _plan(self, job: ProcessMediaInput, info: MediaInfo) -> Plan:
        return await workflow.execute_activity_method(
            CatalogActivities.plan,
            PlanInput(media_id=job.media_id, encoding=job.encoding, kind=job.kind, info=info, policy=job.policy),
            summary="ladder and passes",
            **routes.catalog(),
        )

    async def _give_up(self, job: ProcessMediaInput, fault: Reason) -> None:
        """Leave nothing half-made. The source stays for another try, unless it is no media, or its media is deleted."""
        workflow.set_current_details(f"Errored: {fault.message}")
        useless = fault.code == "not_media" or fault.kind == "not_found"
        await workflow.execute_activity_method(
            CatalogActivities.fail,
            FailInput(media_id=job.media_id, encoding=job.encoding, code=fault.code, message=fault.message),
            summary=fault.code,
            **routes.catalog(),
        )
        await workflow.execute_activity_method(
            CleanupActivities.discard,
            DiscardInput(
                media_id=job.media_id,
                storage=job.storage,
                encoding=job.encoding,
                upload=job.upload if useless else None,
            ),
            summary="what was encoded, and its source" if useless else "what was encoded",
            **routes.io(),
        )
