"""Starting the workflows, and asking those that run.

They are named, not imported: the API does not depend on the code that workers run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.catalog import Media
from gilfoyle.config import Settings
from gilfoyle.errors import Conflict, Unavailable
from gilfoyle.workflows.messages import (
    RETRY_SIGNAL,
    DeleteMediaInput,
    ProcessMediaInput,
    RetryMediaInput,
    RetryRenditionInput,
    delete_media_id,
    process_media_id,
    retry_media_id,
)
from gilfoyle.workflows.routes import PIPELINE, queue_name

RPC_TIMEOUT = timedelta(seconds=5)
_SUMMARY_CHARS = 100
_AWAY = "The workflow engine (Temporal) can't be reached; try again."


class Pipeline:
    """The workflows, as the API sees them. Raises Unavailable when Temporal does not answer."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._queue = queue_name(settings.temporal.queue_prefix, PIPELINE)

    async def start_processing(self, media: Media) -> None:
        """Start the workflow of an accepted upload. Starting it twice is starting it once, even if it has ended."""
        job = ProcessMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            kind=media.kind or "video",
            storage=media.storage,
            source_bytes=media.source_bytes or 0,
            policy=self._settings.encoding,
            heartbeat_timeout_s=self._settings.workers.heartbeat_timeout_s,
        )
        with _translated(), suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                "ProcessMedia",
                job,
                id=process_media_id(media.id, media.encoding),
                task_queue=self._queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
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
def _translated() -> Iterator[None]:
    try:
        yield
    except (RPCError, RuntimeError) as error:  # RuntimeError: "Failed client connect"
        raise Unavailable(_AWAY) from error
