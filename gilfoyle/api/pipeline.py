"""Starting workflows, and querying running ones.

They are named, not imported: the API does not depend on the code that workers run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from uuid import UUID

from pydantic import ValidationError
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.api.standing import Standing, fault_of, standing_of
from gilfoyle.catalog import (
    Cancelled,
    Errand,
    Import,
    Media,
    MediaKind,
    MediaStatus,
    Recipe,
    Rendition,
    RenditionStatus,
    Replacement,
)
from gilfoyle.config import Settings
from gilfoyle.errors import Conflict, NotFound, Unavailable
from gilfoyle.media.agreement.report import Agreement
from gilfoyle.media.options import EncodingOptions
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.temporal.calls import RPC_TIMEOUT, answered, away
from gilfoyle.temporal.failures import Reason
from gilfoyle.temporal.messages import (
    DELIVER_SIGNAL,
    PUBLISH_SIGNAL,
    RETRY_SIGNAL,
    DeleteMediaInput,
    DeliverWebhookInput,
    ImportMediaInput,
    ProcessMediaInput,
    PublishMediaInput,
    RetryMediaInput,
    RetryRenditionInput,
    VerifyMediaInput,
    Version,
    delete_media_id,
    deliver_webhook_id,
    import_media_id,
    process_media_id,
    publish_media_id,
    retry_media_id,
    verify_media_id,
)
from gilfoyle.temporal.routes import PIPELINE, queue_name

log = logging.getLogger(__name__)

_SUMMARY_CHARS = 100


class Pipeline:
    """The workflows, as the API sees them. Raises Unavailable when Temporal does not answer."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._queue = queue_name(settings.temporal.queue_prefix, PIPELINE)

    async def begin(self, media: Media) -> None:
        """Begin what the media's row promises. If Temporal is down, the recovery begins it later."""
        with _or_later("the work", media.id):
            await self.start(media)

    async def start(self, media: Media, recipe: Recipe | None = None) -> None:
        """Start the workflow that keeps the promise in the media's row. Idempotent.

        `recipe`: the inputs of an encoding that was begun. It goes on with them, whatever the settings are now.
        """
        if media.status == MediaStatus.PROCESSING:
            await self.start_processing(media, EncodingPolicy.model_validate(recipe.policy) if recipe else None)
        elif media.status == MediaStatus.READY:
            if media.is_unpublished:
                await self.start_publishing(media)
            await self.start_retrying(media)
        elif media.status == MediaStatus.DELETING:
            await self.start_deleting(media.id)

    async def look_up(self, media: Media) -> Standing:
        """The state of the workflow that keeps the promise in the media's row."""
        return await self.look_up_workflow(_workflow_id(media))

    async def look_up_workflow(self, workflow_id: str) -> Standing:
        """The state of the last workflow with that id."""
        return await standing_of(self._client, workflow_id)

    async def start_processing(self, media: Media, policy: EncodingPolicy | None = None) -> None:
        """Start the workflow of an accepted upload, with the current settings or the given policy."""
        await self._start_encoding(media, self._encoding_of(media, media, policy))

    async def start_replacing(self, media: Media, replacement: Replacement, recipe: Recipe | None = None) -> None:
        """Start the workflow that makes a media's next version. Idempotent."""
        policy = (recipe and recipe.policy) or replacement.policy
        job = self._encoding_of(media, replacement, EncodingPolicy.model_validate(policy) if policy else None)
        keep_s = self._settings.storage.replaced_keep_s
        job.replaces = Version(encoding=media.encoding, upload=media.upload, keep_s=keep_s)
        await self._start_encoding(media, job)

    async def begin_replacing(self, media: Media, replacement: Replacement) -> None:
        """As `begin`: without Temporal it begins later."""
        with _or_later("the replacement", media.id):
            await self.start_replacing(media, replacement)

    async def cancel_replacing(self, media_id: UUID, encoding: int) -> None:
        """Stop the workflow of a dropped replacement. Does nothing if it is not running."""
        try:
            await self.cancel(Cancelled(media_id, encoding))
        except Unavailable as error:
            log.warning("what was encoded to replace media %s is removed later: %s", media_id, error.message)

    async def cancel(self, cancelled: Cancelled) -> None:
        """Stop the workflows of what was cancelled, and so their ffmpegs. One that does not run is passed over."""
        for name, encoding in ((process_media_id, cancelled.encoding), (retry_media_id, cancelled.retried)):
            if encoding is not None:
                await self._cancel(name(cancelled.media_id, encoding))

    async def begin_importing(self, wanted: Import) -> None:
        """As `begin`: without Temporal it begins later."""
        with _or_later("the import", wanted.media_id):
            await self.start_importing(wanted)

    async def start_importing(self, wanted: Import) -> None:
        """Start fetching the file of a media. Idempotent."""
        longest_s = self._settings.imports.longest_s
        job = ImportMediaInput(media_id=wanted.media_id, import_id=wanted.id, longest_s=longest_s)
        await self._start("ImportMedia", job, import_media_id(wanted.media_id, wanted.id))

    async def cancel_importing(self, wanted: Import) -> None:
        """Stop the workflow of an import that is not wanted any more. It would notice that itself, but later."""
        with suppress(Unavailable):
            await self._cancel(import_media_id(wanted.media_id, wanted.id))

    async def _cancel(self, workflow_id: str) -> None:
        """Cancel a workflow. One that does not run is passed over."""
        try:
            with answered(keep_not_found=True):
                await self._client.get_workflow_handle(workflow_id).cancel(rpc_timeout=RPC_TIMEOUT)
        except RPCError:
            log.debug("%s does not run", workflow_id)

    def _encoding_of(
        self, media: Media, version: Media | Replacement, policy: EncodingPolicy | None
    ) -> ProcessMediaInput:
        return ProcessMediaInput(
            media_id=media.id,
            encoding=version.encoding,
            upload=version.upload,
            kind=MediaKind.AUDIO if version.audio_only else MediaKind.VIDEO,
            storage=media.storage,
            source_bytes=version.source_bytes or 0,
            policy=policy or self.policy_of(media),
            heartbeat_timeout_s=self._settings.workers.heartbeat_timeout_s,
            longest_s=version.duration_limit_s,
            without_checksum=version.source_sha256 is None,
        )

    def policy_of(self, media: Media) -> EncodingPolicy:
        """The settings of now, with what the media has otherwise; without it, if another release wrote it."""
        try:
            return EncodingOptions.model_validate(media.options or {}).applied_to(self._settings.encoding)
        except ValidationError:
            log.warning("the encoding options of media %s are of another release: it is encoded without", media.id)
            return EncodingPolicy.of(self._settings.encoding)

    async def _start_encoding(self, media: Media, job: ProcessMediaInput) -> None:
        await self._start("ProcessMedia", job, process_media_id(job.media_id, job.encoding), summary=media.title)

    async def retry_rendition(self, media: Media, rendition: str) -> bool:
        """Ask the workflow that encodes the media to retry a rendition; False if it has ended, or is about to.

        Raises Conflict if it refuses.
        """
        handle = self._client.get_workflow_handle(process_media_id(media.id, media.encoding))
        try:
            asked = await handle.start_update(
                "retry_rendition",
                RetryRenditionInput(rendition=rendition),
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise Unavailable("No worker has answered, so the retry has not begun: try again.") from error
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise away() from error
        try:
            with answered(), suppress(WorkflowUpdateRPCTimeoutOrCancelledError):  # it was accepted: it will be done
                await asked.result(rpc_timeout=RPC_TIMEOUT)
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "ended":
                return False
            raise Conflict(str(error.cause)) from error
        return True

    async def start_retrying(self, media: Media) -> None:
        """Start encoding the waiting renditions of a Ready media. Idempotent."""
        job = RetryMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            heartbeat_timeout_s=self._settings.workers.heartbeat_timeout_s,
        )
        workflow_id = retry_media_id(media.id, media.encoding)
        await self._start("RetryMedia", job, workflow_id, signal=RETRY_SIGNAL, summary=media.title)

    async def start_publishing(self, media: Media) -> None:
        """Start writing a media's playlists again, with its current tracks. Idempotent."""
        job = PublishMediaInput(media_id=media.id)
        await self._start("PublishMedia", job, publish_media_id(media.id), signal=PUBLISH_SIGNAL, summary=media.title)

    async def start_delivering(self, webhook_id: UUID) -> None:
        """Start sending what waits for a webhook. Idempotent. A workflow that can't go on is ended before."""
        workflow_id = deliver_webhook_id(webhook_id)
        await self.look_up_workflow(workflow_id)
        await self._start(
            "DeliverWebhook", DeliverWebhookInput(webhook_id=webhook_id), workflow_id, signal=DELIVER_SIGNAL
        )

    async def start_verifying(self, media: Media, renditions: Sequence[Rendition], recipe: Recipe | None) -> None:
        """Start comparing a Ready media with its source. A comparison that is running goes on.

        `recipe`: of the encoding that is served, if it is known.
        """
        clipped = recipe is not None and recipe.policy.get("clip") is not None
        job = VerifyMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            upload=media.upload,
            storage=media.storage,
            has_video=media.kind != MediaKind.AUDIO,
            renditions={row.name: row.stored_bytes for row in renditions if row.status == RenditionStatus.READY},
            duration_s=media.duration_s or 0,
            lead_s=recipe.plan.get("lead_s") if recipe is not None and clipped else None,
        )
        await self._start("VerifyMedia", job, verify_media_id(media.id, media.encoding), summary=media.title)

    async def verification(self, media: Media) -> Agreement | Reason | None:
        """The result of the media's last comparison; None while it runs.

        Raises NotFound if it was never compared, or so long ago that Temporal has forgotten it.
        """
        workflow_id = verify_media_id(media.id, media.encoding)
        handle = self._client.get_workflow_handle(workflow_id, result_type=Agreement)
        try:
            with answered(keep_not_found=True):
                described = await handle.describe(rpc_timeout=RPC_TIMEOUT)
                if described.status == WorkflowExecutionStatus.RUNNING:
                    return None
                found: Agreement = await handle.result(rpc_timeout=RPC_TIMEOUT)
                return found
        except RPCError as error:
            raise NotFound(
                f"The media {media.id} was not verified, or long ago: ask for it by a POST.", code="not_verified"
            ) from error
        except WorkflowFailureError as error:
            return fault_of(error)

    async def start_errand(self, errand: Errand) -> None:
        """Start the errand's workflow. Idempotent."""
        await self._start(errand.workflow, errand.job, errand.id)

    async def start_deleting(self, media_id: UUID) -> WorkflowHandle[object, object]:
        """Start the workflow that stops what runs for a media and removes everything of it."""
        return await self._start("DeleteMedia", DeleteMediaInput(media_id=media_id), delete_media_id(media_id))

    async def _start(
        self, workflow: str, job: object, workflow_id: str, *, signal: str | None = None, summary: str = ""
    ) -> WorkflowHandle[object, object]:
        """One that runs goes on. One that has ended, while the catalog says that it has not, is done again: what is
        stored is kept. The `signal` reaches also one that has looked for the last time and is about to end.
        """
        running = WorkflowIDConflictPolicy.UNSPECIFIED if signal else WorkflowIDConflictPolicy.USE_EXISTING
        with answered():
            return await self._client.start_workflow(
                workflow,
                job,
                id=workflow_id,
                task_queue=self._queue,
                id_conflict_policy=running,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=signal,
                static_summary=summary[:_SUMMARY_CHARS] or None,
                rpc_timeout=RPC_TIMEOUT,
            )

    async def ping(self) -> None:
        with answered():
            await self._client.service_client.check_health(timeout=RPC_TIMEOUT)


@contextmanager
def _or_later(work: str, media_id: UUID) -> Iterator[None]:
    """What the catalog has promised begins later if Temporal is away."""
    try:
        yield
    except Unavailable as error:
        log.warning("%s of media %s begins later: %s", work, media_id, error.message)


def _workflow_id(media: Media) -> str:
    """The id of the workflow that keeps the promise in the media's row."""
    if media.status == MediaStatus.DELETING:
        return delete_media_id(media.id)
    if media.is_unpublished:
        return publish_media_id(media.id)
    name = retry_media_id if media.status == MediaStatus.READY else process_media_id
    return name(media.id, media.encoding)
