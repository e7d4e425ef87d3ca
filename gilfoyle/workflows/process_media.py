"""ProcessMedia: from an accepted upload to a stream. Decisions only; all work is in activities."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from gilfoyle.temporal import routes
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.workflows.encoding import Encoding

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.catalog import CatalogActivities, FailInput, FinishInput, PlanInput
    from gilfoyle.activities.checksum import ChecksumActivities, ChecksumInput
    from gilfoyle.activities.cleanup import CleanupActivities, DiscardInput
    from gilfoyle.activities.probe import ProbeActivities, ProbeInput
    from gilfoyle.activities.store import StoreActivities, StoreInput
    from gilfoyle.media.info import MediaInfo
    from gilfoyle.media.plan import Plan
    from gilfoyle.temporal.messages import ProcessMediaInput, RetryRenditionInput, Version

_CHECKSUM_LIMIT = timedelta(hours=6)
_CANCELLED = Reason("cancelled", "cancelled", "It was cancelled.")


@workflow.defn
class ProcessMedia:
    """store → probe → plan → transcode in passes, packaging as it grows → Ready, or Errored with a reason."""

    @workflow.init
    def __init__(self, job: ProcessMediaInput) -> None:
        self._continued = job.state is not None
        self._encoding: Encoding | None = None

    @workflow.run
    async def run(self, job: ProcessMediaInput) -> None:
        """Run the pipeline. A failure carries the reason that the catalog keeps: Temporal's web UI shows it, too."""
        try:
            fault = await self._process(job)
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._clear_cancelled(job)
                raise
            assert isinstance(error, ActivityError)
            fault = reason_of(error)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if fault is None and self._encoding and (state := self._encoding.state):
            workflow.continue_as_new(job.model_copy(update={"state": state}))
        if fault:
            await self._give_up(job, fault)
            raise ApplicationError(fault.message, fault.code, type=fault.kind, non_retryable=True)
        if job.replaces:
            await self._clear_if_dropped(job)
            await self._clear_replaced(job, job.replaces)

    @workflow.signal
    def segments_stored(self) -> None:
        """A pass that is still running has stored segments."""
        if self._encoding:
            self._encoding.note_stored()

    @workflow.update
    async def retry_rendition(self, asked: RetryRenditionInput) -> None:
        """Retry a rendition that could not be encoded. Returns once its passes are scheduled."""
        assert self._encoding  # else it was refused
        await self._encoding.retry(asked.rendition)

    @retry_rendition.validator
    def _refuse(self, asked: RetryRenditionInput) -> None:
        if self._encoding is None:  # the run that has just begun will have it in a moment
            raise ApplicationError("Nothing is encoded yet.", type="ended" if self._continued else None)
        self._encoding.check_retry(asked.rendition)

    async def _process(self, job: ProcessMediaInput) -> Reason | None:
        if job.state is None:
            workflow.set_current_details("Checking the upload")
        info = job.state.info if job.state else await self._examine(job)
        plan = await self._plan(job, info)
        self._encoding = Encoding(job.model_copy(update={"state": None}), info, plan, state=job.state)
        await self._encoding.run()
        if (fault := self._encoding.fatal_fault()) or self._encoding.state:
            return fault
        if job.without_checksum:
            await self._take_checksum(job)
        await workflow.execute_activity_method(
            CatalogActivities.finish,
            FinishInput(media_id=job.media_id, encoding=job.encoding, cid=self._encoding.cid),
            summary="Ready",
            **routes.catalog(),
        )
        return None

    async def _take_checksum(self, job: ProcessMediaInput) -> None:
        """Once all is encoded: nothing waits for it but Ready, and reading takes a fraction of encoding.

        A source that can't be read any more has no checksum; its media plays.
        """
        try:
            await workflow.execute_activity_method(
                ChecksumActivities.take_checksum,
                ChecksumInput(media_id=job.media_id, encoding=job.encoding, upload=job.upload, storage=job.storage),
                summary=f"{job.source_bytes:,} bytes",
                **routes.io(_CHECKSUM_LIMIT),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("the checksum of the source of media %s: %s", job.media_id, error.cause)

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
            ProbeInput(media_id=job.media_id, upload=job.upload, storage=job.storage, longest_s=job.longest_s),
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
        """Remove what is incomplete. The source stays for a retry, unless it is unusable or its media is deleted."""
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
                upload=job.upload if useless or job.replaces else None,
            ),
            summary="what was encoded, and its source" if useless else "what was encoded",
            **routes.io(),
        )

    async def _clear_cancelled(self, job: ProcessMediaInput) -> None:
        """Whoever has cancelled it: the media is Errored, what was encoded goes, and the source stays for a retry."""
        useless = await workflow.execute_activity_method(
            CatalogActivities.cancelled,
            FailInput(media_id=job.media_id, encoding=job.encoding, code=_CANCELLED.code, message=_CANCELLED.message),
            summary=_CANCELLED.code,
            **routes.catalog(),
        )
        if useless:
            upload = job.upload if job.replaces else None
            await self._discard_superseded(job, job.encoding, upload, "what was encoded")

    async def _clear_if_dropped(self, job: ProcessMediaInput) -> None:
        """Remove a replacement that was dropped: its renditions and its source."""
        if job.replaces:
            await self._discard_superseded(job, job.encoding, job.upload, "if it was given up")

    async def _clear_replaced(self, job: ProcessMediaInput, version: Version) -> None:
        """Remove the replaced encoding once viewers who had begun to play it have come to its end."""
        if version.keep_s:
            workflow.set_current_details(f"Ready. Version {version.encoding} is kept for those who still play it.")
            await workflow.sleep(version.keep_s, summary=f"for who plays version {version.encoding}")
        await self._discard_superseded(job, version.encoding, version.upload, f"version {version.encoding}")

    async def _discard_superseded(
        self, job: ProcessMediaInput, encoding: int, upload: int | None, summary: str
    ) -> None:
        await workflow.execute_activity_method(
            CleanupActivities.discard,
            DiscardInput(media_id=job.media_id, encoding=encoding, upload=upload, superseded=True),
            summary=summary,
            **routes.io(),
        )
