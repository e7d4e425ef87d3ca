"""Commands that start workflows, against real Temporal, PostgreSQL and workers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.integration.workflows.conftest import new_service, service, temporal  # noqa: F401
from tests.integration.workflows.service import Service
from tests.processes import heeding_signals


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


Gilfoyle = Callable[..., Awaitable[asyncio.subprocess.Process]]


async def finish(process: asyncio.subprocess.Process, seconds: float = 60) -> Finished:
    """Wait for its end, and end it if that does not come."""
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), stderr.decode())


def starter(made: Service, *program: str) -> Gilfoyle:
    """Starts `gilfoyle …` with the settings of that service. `program`: what Python runs instead of it."""
    settings = made.parts.settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GILFOYLE_")} | {
        "GILFOYLE_TEMPORAL__ADDRESS": settings.temporal.address,
        "GILFOYLE_TEMPORAL__QUEUE_PREFIX": settings.temporal.queue_prefix,
        "COLUMNS": "200",
    }

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        command = [sys.executable, *(program or ("-m", "gilfoyle")), *arguments]
        pipe = asyncio.subprocess.PIPE
        with heeding_signals():
            return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environment)

    return start


@pytest.fixture
def gilfoyle(service: Service) -> Gilfoyle:  # noqa: F811
    """Starts a command against the service, whose workers run."""
    return starter(service)
