"""Starting the workflows. They are named, not imported: the API does not depend on the code that workers run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from gilfoyle.catalog import Media
from gilfoyle.config import Settings
from gilfoyle.errors import Unavailable
from gilfoyle.workflows.messages import DeleteMediaInput, ProcessMediaInput, delete_media_id, process_media_id
from gilfoyle.workflows.routes import PIPELINE, queue_name

RPC_TIMEOUT = timedelta(seconds=5)
_SUMMARY_CHARS = 100


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
        raise Unavailable("The workflow engine (Temporal) can't be reached; try again.") from error
