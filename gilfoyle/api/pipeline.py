"""Starting the workflows, and asking those that run.

They are named, not imported: the API does not depend on the code that workers run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

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
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.catalog import Errand, Media, MediaKind, MediaStatus, Recipe, Rendition, RenditionStatus
from gilfoyle.config import Settings
from gilfoyle.errors import Conflict, NotFound, Unavailable
from gilfoyle.media.agreement.report import Agreement
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.temporal.messages import (
    PUBLISH_SIGNAL,
    RETRY_SIGNAL,
    DeleteMediaInput,
    ProcessMediaInput,
    PublishMediaInput,
    RetryMediaInput,
    RetryRenditionInput,
    VerifyMediaInput,
    delete_media_id,
    process_media_id,
    publish_media_id,
    retry_media_id,
    verify_media_id,
)
from gilfoyle.temporal.routes import PIPELINE, queue_name

log = logging.getLogger(__name__)

RPC_TIMEOUT = timedelta(seconds=5)
_SUMMARY_CHARS = 100
_AWAY = "The workflow engine (Temporal) can't be reached; try again."
_UNKNOWN = Reason("internal", "internal", "It ended without a reason.")


@dataclass(frozen=True)
class Standing:
    """What Temporal knows of the work for a media."""

    running: bool
    known: bool = True
    """Temporal has a workflow of that id."""
    fault: Reason | None = None
    """Why it has ended without being done. None, if it does not run: it was done, or Temporal knows nothing of it."""


class Pipeline:
    """The workflows, as the API sees them. Raises Unavailable when Temporal does not answer."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._queue = queue_name(settings.temporal.queue_prefix, PIPELINE)

    async def begin(self, media: Media) -> None:
        """Have done what the media's row promises. Without Temporal it begins later: the recovery sees to that."""
        try:
            await self.start(media)
        except Unavailable as error:
            log.warning("the work for media %s begins later: %s", media.id, error.message)

    async def start(self, media: Media, recipe: Recipe | None = None) -> None:
        """Start the workflow of what the media's row promises. Doing it twice is doing it once.

        `recipe`: by what its encoding was begun, if it was. Then it goes on by that, whatever the settings are now.
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
        """What became of the workflow of what the media's row promises."""
        return await self.look_up_workflow(_workflow_id(media))

    async def look_up_workflow(self, workflow_id: str) -> Standing:
        """What became of the last one of that id."""
        handle = self._client.get_workflow_handle(workflow_id)
        with _translated():
            try:
                status = (await handle.describe(rpc_timeout=RPC_TIMEOUT)).status
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    return Standing(running=False, known=False)
                raise
            if status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
                return Standing(running=status == WorkflowExecutionStatus.RUNNING)
            try:
                await handle.result(rpc_timeout=RPC_TIMEOUT)
            except WorkflowFailureError as error:
                return Standing(running=False, fault=_fault(error))
        return Standing(running=False)

    async def start_processing(self, media: Media, policy: EncodingPolicy | None = None) -> None:
        """Start the workflow of an accepted upload, by the settings of now or the policy that is given."""
        job = ProcessMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            upload=media.upload,
            kind=media.kind or "video",
            storage=media.storage,
            source_bytes=media.source_bytes or 0,
            policy=policy or self._settings.encoding,
            heartbeat_timeout_s=self._settings.workers.heartbeat_timeout_s,
        )
        with _translated():
            await self._client.start_workflow(
                "ProcessMedia",
                job,
                id=process_media_id(media.id, media.encoding),
                task_queue=self._queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                # One that has ended, while the catalog says that it has not, is done again: what is stored is kept.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=media.title[:_SUMMARY_CHARS],
                rpc_timeout=RPC_TIMEOUT,
            )

    async def retry_rendition(self, media: Media, rendition: str) -> bool:
        """Have the workflow that encodes the media try a rendition again; False if it has ended, or is about to.

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
            raise Unavailable(_AWAY) from error
        try:
            with _translated(), suppress(WorkflowUpdateRPCTimeoutOrCancelledError):  # it was accepted: it will be done
                await asked.result(rpc_timeout=RPC_TIMEOUT)
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "ended":
                return False
            raise Conflict(str(error.cause)) from error
        return True

    async def start_retrying(self, media: Media) -> None:
        """Have a media's renditions encoded that wait, though it is Ready. Doing it twice is doing it once."""
        job = RetryMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            heartbeat_timeout_s=self._settings.workers.heartbeat_timeout_s,
        )
        with _translated():
            # The signal reaches also one that has looked for the last time and is about to end.
            await self._client.start_workflow(
                "RetryMedia",
                job,
                id=retry_media_id(media.id, media.encoding),
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=RETRY_SIGNAL,
                static_summary=media.title[:_SUMMARY_CHARS],
                rpc_timeout=RPC_TIMEOUT,
            )

    async def start_publishing(self, media: Media) -> None:
        """Have a media's playlists written again, with its tracks of now. Doing it twice is doing it once."""
        with _translated():
            await self._client.start_workflow(
                "PublishMedia",
                PublishMediaInput(media_id=media.id),
                id=publish_media_id(media.id),
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=PUBLISH_SIGNAL,
                static_summary=media.title[:_SUMMARY_CHARS],
                rpc_timeout=RPC_TIMEOUT,
            )

    async def start_verifying(self, media: Media, renditions: Sequence[Rendition]) -> None:
        """Have a media that is Ready compared with its source. One that is being compared goes on."""
        job = VerifyMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            upload=media.upload,
            storage=media.storage,
            has_picture=media.kind != MediaKind.AUDIO,
            renditions={row.name: row.stored_bytes for row in renditions if row.status == RenditionStatus.READY},
            duration_s=media.duration_s or 0,
        )
        with _translated():
            await self._client.start_workflow(
                "VerifyMedia",
                job,
                id=verify_media_id(media.id, media.encoding),
                task_queue=self._queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=media.title[:_SUMMARY_CHARS],
                rpc_timeout=RPC_TIMEOUT,
            )

    async def verification(self, media: Media) -> Agreement | Reason | None:
        """What came of comparing the media the last time; None while that goes on.

        Raises NotFound if it was never compared, or so long ago that Temporal has forgotten it.
        """
        workflow_id = verify_media_id(media.id, media.encoding)
        handle = self._client.get_workflow_handle(workflow_id, result_type=Agreement)
        try:
            with _translated(keep_not_found=True):
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
            return _fault(error)

    async def start_errand(self, errand: Errand) -> None:
        """Begin it. Doing it twice is doing it once."""
        with _translated():
            await self._client.start_workflow(
                errand.workflow,
                errand.job,
                id=errand.id,
                task_queue=self._queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                rpc_timeout=RPC_TIMEOUT,
            )

    async def start_deleting(self, media_id: UUID) -> WorkflowHandle[object, object]:
        """Start the workflow that stops what runs for a media and removes everything of it."""
        with _translated():
            return await self._client.start_workflow(
                "DeleteMedia",
                DeleteMediaInput(media_id=media_id),
                id=delete_media_id(media_id),
                task_queue=self._queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                rpc_timeout=RPC_TIMEOUT,
            )

    async def ping(self) -> None:
        with _translated():
            await self._client.service_client.check_health(timeout=RPC_TIMEOUT)


@contextmanager
def _translated(*, keep_not_found: bool = False) -> Iterator[None]:
    try:
        yield
    except (RPCError, RuntimeError) as error:  # RuntimeError: "Failed client connect"
        if keep_not_found and isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
            raise
        raise Unavailable(_AWAY) from error


def _fault(error: WorkflowFailureError) -> Reason:
    return reason_of(error.cause) if isinstance(error.cause, FailureError) else _UNKNOWN


def _workflow_id(media: Media) -> str:
    """Of the workflow that does what the media's row promises."""
    if media.status == MediaStatus.DELETING:
        return delete_media_id(media.id)
    if media.is_unpublished:
        return publish_media_id(media.id)
    name = retry_media_id if media.status == MediaStatus.READY else process_media_id
    return name(media.id, media.encoding)
