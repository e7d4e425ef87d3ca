"""Workflows on real Temporal, PostgreSQL and files, with the workers that production runs, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from gilfoyle.catalog import Catalog
from gilfoyle.config import (
    FilesystemSettings,
    LimitSettings,
    Settings,
    StorageSettings,
    TemporalSettings,
    ToolSettings,
    WorkerSettings,
)
from gilfoyle.storage import Storages
from gilfoyle.temporal.connect import connect
from gilfoyle.workers import Parts
from tests.integration.workflows.service import Service
from tests.sources import numbered


@pytest.fixture(scope="session")
async def temporal(temporal_address: str) -> Client:
    return await connect(TemporalSettings(address=temporal_address))


@pytest.fixture
def new_service(
    temporal: Client, temporal_address: str, catalog: Catalog, tmp_path: Path
) -> Callable[..., AbstractAsyncContextManager[Service]]:
    """Makes a service on queues of its own; its workers run, unless the test does that, with an ffmpeg of its own."""

    @asynccontextmanager
    async def new(
        ffmpeg: str = "", *, working: bool = True, stall_s: float = 60, io_slots: int = 16
    ) -> AsyncIterator[Service]:
        settings = Settings(
            storage=StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "media")),
            temporal=TemporalSettings(address=temporal_address, queue_prefix=f"test-{uuid4().hex[:8]}"),
            tools=ToolSettings(ffmpeg=ffmpeg),
            limits=LimitSettings(memory_mb=4096),
            workers=WorkerSettings(grace_s=0.2, heartbeat_timeout_s=5, stall_timeout_s=stall_s, io_slots=io_slots),
        )
        storages = Storages(settings.storage)
        service = Service(Parts(settings, temporal, storages, catalog))
        async with service.working() if working else nullcontext():
            yield service
        await storages.close()

    return new


@pytest.fixture
async def service(new_service: Callable[..., AbstractAsyncContextManager[Service]]) -> AsyncIterator[Service]:
    async with new_service() as made:
        yield made


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds: eight segments in chunks of 1, 2, 4 and 1."""
    return numbered(tmp_path_factory.mktemp("film") / "film.mp4", "30", 120)


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute: long enough to be interrupted."""
    return numbered(tmp_path_factory.mktemp("film") / "long.mp4", "30", 900)
