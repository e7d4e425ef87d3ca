"""Workflows whose history no worker can follow: begun again, from what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus

from gilfoyle.api import standing
from gilfoyle.catalog import Database, MediaStatus
from gilfoyle.temporal.messages import ProcessMediaInput, process_media_id
from gilfoyle.workers import build_workers
from gilfoyle.workflows.encoding import Encoding
from gilfoyle.workflows.process_media import ProcessMedia
from tests.integration.activities.pipeline import LOWEST
from tests.integration.workflows.service import Service
from tests.integration.workflows.test_recovered import looker

NewService = Callable[..., AbstractAsyncContextManager[Service]]


@asynccontextmanager
async def workers(service: Service) -> AsyncIterator[None]:
    """As in production, without the sandbox: so they run the code that a test has changed."""
    async with AsyncExitStack() as stack:
        for worker in build_workers(service.parts):
            await stack.enter_async_context(worker)
        yield


async def test_one_that_can_not_go_on_is_begun_again(
    new_service: NewService, database: Database, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Encoding.run
    first: list[str] = []

    async def lost(self: Encoding) -> None:
        """The first run of the workflow can't be followed beyond this."""
        first[:] = first or [workflow.info().run_id]
        if workflow.info().run_id == first[0]:
            raise RuntimeError("this history is not what happened")
        await run(self)

    monkeypatch.setattr(Encoding, "run", lost)
    monkeypatch.setattr(standing, "_HOPELESS", 2)  # Temporal waits ever longer between attempts
    async with new_service(working=False) as service, workers(service):
        media = await service.accept(film)
        handle = await service.process(media, LOWEST)
        async with asyncio.timeout(60):
            while (await _pending_attempt(handle)) < 2:
                await asyncio.sleep(0.2)
        await looker(service, database)()
        await service.until(media, lambda found: found.status == MediaStatus.READY, 60)
    again = await service.parts.client.get_workflow_handle(process_media_id(media.id, 1)).describe()
    assert again.run_id != first[0]


async def test_one_that_waits_for_nothing_is_woken_and_then_begun_again(
    new_service: NewService, database: Database, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Encoding.run
    first: list[str] = []

    async def waits(self: Encoding) -> None:
        """The first run of the workflow remembers another past, in which something was still to come."""
        first[:] = first or [workflow.info().run_id]
        if workflow.info().run_id == first[0]:
            await workflow.wait_condition(lambda: False)
        await run(self)

    monkeypatch.setattr(Encoding, "run", waits)
    async with new_service(working=False) as service, workers(service):
        media = await service.accept(film)
        handle = await service.process(media, LOWEST)
        await service.until(media, lambda found: found.probe is not None)
        await asyncio.sleep(1)  # and its workflow waits
        before = (await handle.describe()).history_length
        await looker(service, database)()
        async with asyncio.timeout(20):
            while (await handle.describe()).history_length < before + 4:
                await asyncio.sleep(0.1)
        assert (await service.media(media)).status == MediaStatus.PROCESSING
        await looker(service, database)()
        await service.until(media, lambda found: found.status == MediaStatus.READY, 60)
    again = await service.parts.client.get_workflow_handle(process_media_id(media.id, 1)).describe()
    assert again.run_id != first[0]


async def test_one_that_waits_for_nothing_after_its_media_is_done_is_ended(
    new_service: NewService, database: Database, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal lost its last seconds, and a worker remembers that the workflow was about to end."""
    process = ProcessMedia._process

    async def waits(self: ProcessMedia, job: ProcessMediaInput) -> None:
        await process(self, job)
        await workflow.wait_condition(lambda: False)

    monkeypatch.setattr(ProcessMedia, "_process", waits)
    async with new_service(working=False) as service, workers(service):
        media = await service.accept(film)
        handle = await service.process(media, LOWEST)
        await service.until(media, lambda found: found.status == MediaStatus.READY, 60)
        await asyncio.sleep(1)
        before = (await handle.describe()).history_length
        await looker(service, database)()
        async with asyncio.timeout(20):
            while (await handle.describe()).history_length < before + 4:
                await asyncio.sleep(0.1)
        assert (await service.media(media)).due_at is not None
        await looker(service, database)()
        assert (await handle.describe()).status == WorkflowExecutionStatus.TERMINATED
        found = await service.media(media)
        assert (found.status, found.due_at) == (MediaStatus.READY, None)


async def _pending_attempt(handle: Any) -> int:
    return int((await handle.describe()).raw_description.pending_workflow_task.attempt)
