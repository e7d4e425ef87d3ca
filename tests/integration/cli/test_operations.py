"""Starting a long operation and following it: joined, interrupted, without a worker, without Temporal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from gilfoyle.cli import operations
from gilfoyle.cli.operations import Operation, perform
from gilfoyle.config import Settings, TemporalSettings
from gilfoyle.errors import GilfoyleError, Unavailable
from gilfoyle.temporal.messages import SweepInput, SweepResult, sweep_id
from tests.integration.cli.conftest import finish, starter
from tests.integration.workflows.service import Service
from tests.integration.workflows.test_sweep_storage import stray

NewService = Callable[..., AbstractAsyncContextManager[Service]]


def sweeping(service: Service, **changes: object) -> Operation[SweepResult]:
    """A sweep."""
    return Operation(
        workflow=str(changes.get("workflow", "SweepStorage")),
        id=sweep_id(service.parts.settings.temporal.queue_prefix),
        job=SweepInput(older_than_s=60, scheduled=bool(changes.get("scheduled"))),
        result=SweepResult,
        title="The sweep",
        join=bool(changes.get("join", True)),
    )


async def performed(service: Service, operation: Operation[SweepResult], said: list[str]) -> SweepResult:
    return await asyncio.to_thread(perform, service.parts.settings, operation, said.append)


async def status(service: Service) -> WorkflowExecutionStatus | None:
    handle = service.parts.client.get_workflow_handle(sweep_id(service.parts.settings.temporal.queue_prefix))
    return (await handle.describe()).status


async def test_what_fails_raises_its_own_reason(service: Service) -> None:
    for _ in range(11):
        stray(service)
    with pytest.raises(GilfoyleError, match="11 of 11") as raised:
        await performed(service, sweeping(service, scheduled=True), [])
    assert raised.value.reason == "sweep_incomplete"


@pytest.mark.parametrize("join", [True, False])
async def test_one_that_runs_already_is_joined_or_waited_for(new_service: NewService, join: bool) -> None:
    async with new_service(working=False) as service:
        operation = sweeping(service)
        handle = await service.parts.client.start_workflow(
            operation.workflow, operation.job, id=operation.id, task_queue=service.queue
        )
        said: list[str] = []
        performing = asyncio.create_task(performed(service, sweeping(service, join=join), said))
        async with asyncio.timeout(20):
            while not said:
                await asyncio.sleep(0.02)
        async with service.working():
            assert (await performing).backends
            last = await service.parts.client.get_workflow_handle(operation.id).describe()
        assert said[0].startswith("The sweep is running already")
        assert (last.run_id == handle.first_execution_run_id) is join


async def test_without_a_worker_it_is_taken_back(new_service: NewService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "WORKER_S", 0.5)
    async with new_service(working=False) as service:
        with pytest.raises(Unavailable, match=f"No worker answers on the queue {service.queue}"):
            await performed(service, sweeping(service), [])
        assert await status(service) == WorkflowExecutionStatus.TERMINATED


async def test_why_it_waits_is_told(new_service: NewService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "WORKER_S", 0.5)
    async with new_service(working=False) as service, service.working("pipeline"):
        said: list[str] = []
        performing = asyncio.create_task(performed(service, sweeping(service), said))
        async with asyncio.timeout(20):
            while not said:
                await asyncio.sleep(0.02)
        assert said == ["The sweep waits: no worker has taken the step backends_in_use yet; is one on every queue?"]
        async with service.working("io"):
            assert (await performing).backends


async def test_ctrl_c_leaves_it_running(new_service: NewService) -> None:
    async with new_service(working=False) as service:
        process = await starter(service)("storage", "sweep")
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await status(service) == WorkflowExecutionStatus.RUNNING
                    break
                except Exception:
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
        assert ended.status == 130
        assert ended.stderr == (
            f"The sweep goes on without this command; Temporal knows it as "
            f"{sweep_id(service.parts.settings.temporal.queue_prefix)}.\n"
        )
        assert await status(service) == WorkflowExecutionStatus.RUNNING
        async with service.working():
            handle = service.parts.client.get_workflow_handle(sweep_id(service.parts.settings.temporal.queue_prefix))
            await asyncio.wait_for(handle.result(), 30)


async def test_one_that_temporal_has_lost_is_a_sentence(service: Service) -> None:
    follower = operations._Follower(service.parts.settings, sweeping(service), print, None)
    with pytest.raises(GilfoyleError, match=r"The sweep was lost: .* Run the command again"):
        await follower._end(service.parts.client.get_workflow_handle("nowhere"), ours=True)


async def test_one_that_is_terminated_is_a_sentence(new_service: NewService) -> None:
    async with new_service(working=False) as service:
        performing = asyncio.create_task(performed(service, sweeping(service), []))
        handle = service.parts.client.get_workflow_handle(sweeping(service).id)
        async with asyncio.timeout(20):
            while performing.done() is False:
                with suppress(RPCError):
                    await handle.terminate()
                await asyncio.sleep(0.05)
        with pytest.raises(GilfoyleError, match="It was terminated in Temporal"):
            await performing


async def test_a_namespace_that_is_not_there_is_a_sentence(temporal_address: str) -> None:
    settings = Settings(temporal=TemporalSettings(address=temporal_address, namespace="attic"))
    operation = Operation("SweepStorage", "x", SweepInput(older_than_s=60), SweepResult, "The sweep")
    with pytest.raises(Unavailable, match=f"Temporal at {temporal_address} refuses: .*attic"):
        await asyncio.to_thread(perform, settings, operation, print)


async def test_no_temporal_is_a_sentence() -> None:
    settings = Settings(temporal=TemporalSettings(address="127.0.0.1:1", queue_prefix=f"test-{uuid4().hex[:8]}"))
    operation = Operation("SweepStorage", "x", SweepInput(older_than_s=60), SweepResult, "The sweep")
    with pytest.raises(Unavailable, match=r"Temporal can't be reached at 127\.0\.0\.1:1\."):
        await asyncio.to_thread(perform, settings, operation, print)
