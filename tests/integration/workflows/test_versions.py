"""Worker versioning, on real Temporal: who is not promoted gets nothing, and says so."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from gilfoyle import __version__
from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.config import FilesystemSettings, Settings, StorageSettings, TemporalSettings, WorkerSettings
from gilfoyle.storage import Storages
from gilfoyle.tasks import stop
from gilfoyle.temporal.versions import deployment, tell_if_unpromoted
from gilfoyle.workers import Parts
from tests.integration.workflows.service import Service


async def promote(client: Client, name: str) -> None:
    """As `temporal worker deployment set-current-version` does, once Temporal knows the version."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace="default",
        deployment_name=name,
        build_id=__version__,
        identity="test",
        ignore_missing_task_queues=True,
    )
    for _ in range(100):
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError:
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError("Temporal does not know the version.")


async def test_a_version_gets_work_once_it_is_promoted(
    temporal: Client,
    temporal_address: str,
    catalog: Catalog,
    tmp_path: Path,
    film: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "gilfoyle.temporal.versions")
    name = f"gilfoyle-{uuid4().hex[:8]}"
    settings = Settings(
        storage=StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "media")),
        temporal=TemporalSettings(address=temporal_address, queue_prefix=name, deployment=name),
        workers=WorkerSettings(grace_s=0.2),
    )
    storages = Storages(settings.storage)
    service = Service(Parts(settings, temporal, storages, catalog))
    telling = asyncio.create_task(tell_if_unpromoted(temporal, settings.temporal, every_s=0.2))
    try:
        async with service.working():
            media = await service.accept(film)
            handle = await service.process(media)
            await asyncio.sleep(3)
            assert (await handle.describe()).history_length == 2  # it was begun, and nobody was given it
            (warned,) = [each.getMessage() for each in caplog.records]
            assert f"set-current-version --deployment-name {name} --build-id {__version__}" in warned
            await promote(temporal, name)
            await handle.result()
            assert (await service.media(media)).status == MediaStatus.READY
            await asyncio.sleep(0.5)
            assert caplog.records[-1].getMessage() == f"version {__version__} of the deployment {name} gets work now"
    finally:
        await stop([telling])
        await storages.close()


async def test_without_a_deployment_nothing_is_versioned_or_said(temporal: Client) -> None:
    assert deployment(TemporalSettings()) is None
    await tell_if_unpromoted(temporal, TemporalSettings())
