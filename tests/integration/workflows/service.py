"""What a client of the pipeline does and sees, without the API."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from gilfoyle.catalog import Media, MediaKind, MediaStatus, Rendition, warnings_of
from gilfoyle.errors import NotFound
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.storage import keys
from gilfoyle.temporal.messages import (
    MOST_BYTES,
    MOST_EVENTS,
    DeleteMediaInput,
    ProcessMediaInput,
    delete_media_id,
    process_media_id,
)
from gilfoyle.temporal.routes import PIPELINE, QUEUES, queue_name
from gilfoyle.workers import Parts, build_workers
from gilfoyle.workflows.delete_media import DeleteMedia
from gilfoyle.workflows.process_media import ProcessMedia
from tests.integration.activities.pipeline import SMALL

Handle = WorkflowHandle[Any, Any]


class Service:
    """A storage, a catalog and workers."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.root: Path = parts.settings.storage.filesystem.path
        self.queue = queue_name(parts.settings.temporal.queue_prefix, PIPELINE)

    @asynccontextmanager
    async def working(self, *queues: str) -> AsyncIterator[None]:
        """Workers on the queues, all by default, until the end of the block."""
        async with AsyncExitStack() as stack:
            # In the sandbox, which fails what a workflow must not do; production does without.
            parts = replace(self.parts, workflow_runner=SandboxedWorkflowRunner())
            for worker in build_workers(parts, queues or QUEUES):
                await stack.enter_async_context(worker)
            yield

    async def accept(
        self,
        source: Path,
        kind: MediaKind | None = None,
        *,
        size: int | None = None,
        sha256: str | None = "0" * 64,
    ) -> Media:
        """A media whose upload lies in the storage and was accepted."""
        media = await self.parts.catalog.medias.create("Film")
        return await self.upload(media, source, kind, size=size, sha256=sha256)

    async def upload(
        self,
        media: Media,
        source: Path,
        kind: MediaKind | None = None,
        *,
        size: int | None = None,
        sha256: str | None = "0" * 64,
    ) -> Media:
        """Have an upload accepted of a media that takes one."""
        place = self.root / keys.source(media.id, media.next_upload)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        received = place.stat().st_size if size is None else size
        return await self.parts.catalog.uploads.accept(
            media.id, kind=kind, file_name=source.name, size=received, sha256=sha256
        )

    async def process(
        self,
        media: Media,
        policy: EncodingPolicy = SMALL,
        *,
        again: bool = False,
        most_events: int = MOST_EVENTS,
        most_bytes: int = MOST_BYTES,
        longest_s: float | None = None,
        without_checksum: bool = False,
    ) -> Handle:
        """Start ProcessMedia; `again` with an id of its own, as another run of the same work."""
        assert media.source_bytes is not None
        job = ProcessMediaInput(
            media_id=media.id,
            encoding=media.encoding,
            upload=media.upload,
            kind=media.kind or MediaKind.VIDEO,
            source_bytes=media.source_bytes,
            policy=policy,
            heartbeat_timeout_s=self.parts.settings.workers.heartbeat_timeout_s,
            most_events=most_events,
            most_bytes=most_bytes,
            longest_s=longest_s,
            without_checksum=without_checksum,
        )
        workflow_id = process_media_id(media.id, media.encoding) + ("-again" if again else "")
        return await self.parts.client.start_workflow(ProcessMedia.run, job, id=workflow_id, task_queue=self.queue)

    async def delete(self, media: Media) -> Handle:
        """Start DeleteMedia."""
        return await self.parts.client.start_workflow(
            DeleteMedia.run,
            DeleteMediaInput(media_id=media.id),
            id=delete_media_id(media.id),
            task_queue=self.queue,
        )

    async def encodes_started(self, handle: Handle) -> list[str]:
        """The summaries of the passes that were begun, in that order, as Temporal's web UI shows them."""
        summaries: dict[int, str] = {}
        started = []
        for event in (await handle.fetch_history()).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                if event.activity_task_scheduled_event_attributes.activity_type.name.startswith("encode"):
                    summaries[event.event_id] = json.loads(event.user_metadata.summary.data)
            elif event.HasField("activity_task_started_event_attributes"):
                scheduled = event.activity_task_started_event_attributes.scheduled_event_id
                if scheduled in summaries:
                    started.append((event.event_time.ToNanoseconds(), summaries[scheduled]))
        return [summary for _, summary in sorted(started)]

    async def times(self, handle: Handle, activity: str) -> list[tuple[int, int | None]]:
        """When the activities of that name were scheduled and started (ns; None: not yet), by the history."""
        scheduled: dict[int, int] = {}
        started: dict[int, int] = {}
        for event in (await handle.fetch_history()).events:
            at = event.event_time.ToNanoseconds()
            if event.HasField("activity_task_scheduled_event_attributes"):
                if event.activity_task_scheduled_event_attributes.activity_type.name == activity:
                    scheduled[event.event_id] = at
            elif event.HasField("activity_task_started_event_attributes"):
                started[event.activity_task_started_event_attributes.scheduled_event_id] = at
        return [(at, started.get(event)) for event, at in scheduled.items()]

    async def until_scheduled(self, handle: Handle, activity: str) -> None:
        """Wait for the first one of that name."""
        async with asyncio.timeout(60):
            while not await self.times(handle, activity):
                await asyncio.sleep(0.1)

    async def media(self, media: Media) -> Media:
        return await self.parts.catalog.medias.get(media.id)

    async def renditions(self, media: Media) -> dict[str, Rendition]:
        return {row.name: row for row in await self.parts.catalog.medias.renditions(media.id, media.encoding)}

    async def warnings(self, media: Media) -> list[str]:
        """The codes of what a client is told that the media lacks."""
        return [each.code for each in warnings_of(*await self.parts.catalog.medias.with_renditions(media.id))]

    def playlist(self, media: Media, rendition: str) -> Path:
        return self.root / keys.rendition_prefix(media.id, media.encoding, rendition) / "index.m3u8"

    async def etags(self, media: Media) -> dict[str, str]:
        """Every object of a media, and its etag."""
        storage = await self.parts.storages.open()
        return {item.key: item.etag async for item in storage.list(keys.media_prefix(media.id))}

    async def is_hidden(self, media: Media) -> bool:
        """Whether clients don't see it any more."""
        try:
            await self.media(media)
        except NotFound:
            return True
        return False

    async def is_gone(self, media: Media) -> bool:
        """No row, no object, no temporary file."""
        try:
            await self.parts.catalog.medias.source(media.id)
        except NotFound:
            folder = self.root / str(media.id)
            return not folder.exists() and not list((self.root / ".tmp").iterdir())
        return False

    async def until(self, media: Media, check: Callable[[Media], bool], seconds: float = 60) -> Media:
        """Wait until the catalog says so."""
        async with asyncio.timeout(seconds):
            while not check(found := await self.media(media)):
                assert found.status in {MediaStatus.PROCESSING, MediaStatus.READY}, found.error_message
                await asyncio.sleep(0.02)
        return found


async def fault(handle: Handle, seconds: float = 60) -> ApplicationError:
    """What a workflow fails with."""
    try:
        await asyncio.wait_for(handle.result(), seconds)
    except Exception as error:
        cause = error.__cause__
        assert isinstance(cause, ApplicationError), cause
        return cause
    raise AssertionError("the workflow did not fail")
