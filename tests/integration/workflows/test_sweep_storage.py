"""SweepStorage: by hand, by its schedule, and beside uploads that must not notice."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    WorkflowHandle,
)
from temporalio.service import RPCError

from gilfoyle.catalog import Media, MediaStatus
from gilfoyle.config import Settings, SweepSettings, TemporalSettings
from gilfoyle.storage import keys
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import SweepInput, SweepResult, sweep_id
from gilfoyle.temporal.schedules import keep_schedules, sweep_schedule_id
from gilfoyle.workflows.sweep_storage import SweepStorage
from tests.integration.workflows.service import Service, fault

DAY = 86400


async def sweep(service: Service, **options: object) -> WorkflowHandle[SweepStorage, SweepResult]:
    """Start a sweep."""
    return await service.parts.client.start_workflow(
        SweepStorage.run,
        SweepInput.model_validate({"older_than_s": DAY, **options}),
        id=f"{sweep_id(service.parts.settings.temporal.queue_prefix)}-{uuid4().hex[:8]}",
        task_queue=service.queue,
    )


def stray(service: Service, age_s: float = 2 * DAY) -> Path:
    """The source of no media, so old."""
    path = service.root / keys.source(uuid4())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0123456789")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


async def test_sweeps_and_tells(service: Service) -> None:
    old, young = stray(service), stray(service, 60)
    foreseen = await (await sweep(service, dry_run=True)).result()
    assert old.exists()
    result = await (await sweep(service)).result()
    assert [each.model_dump(exclude={"items"}) for each in result.backends] == [
        {
            "backend": "filesystem", "medias": 2, "foreign": 0, "found": 1, "removed": 1, "unfinished_found": 0,
            "unfinished_removed": 0, "bytes_found": 10, "bytes_freed": 10, "refused": "", "fault": "",
        }
    ]  # fmt: skip
    assert [item.key for item in foreseen.backends[0].items] == [old.parent.name]
    assert [item.key for item in result.backends[0].items] == [old.parent.name]
    assert not old.exists() and young.exists()


async def test_a_backend_that_can_not_be_opened_does_not_keep_the_others_from_being_swept(service: Service) -> None:
    old = stray(service)
    await service.parts.catalog.medias.create("Film", storage="attic")
    result = await (await sweep(service)).result()
    attic, filesystem = result.backends
    assert "no storage backend 'attic'" in attic.fault
    assert (filesystem.removed, filesystem.fault) == (1, "")
    assert not old.exists()
    assert len(result.faults) == 1


async def test_a_scheduled_sweep_fails_with_the_sentence_when_it_is_refused(service: Service) -> None:
    places = [stray(service) for _ in range(11)]
    failed = await fault(await sweep(service, scheduled=True))
    assert failed.non_retryable
    assert "11 of 11" in failed.message and "--force" in failed.message
    assert all(path.exists() for path in places)

    result = await (await sweep(service)).result()
    assert result.backends[0].refused and all(path.exists() for path in places)
    assert (await (await sweep(service, force=True)).result()).backends[0].removed == 11
    assert not any(path.exists() for path in places)


def settings(service: Service, every_s: int, older_than_s: int = 60) -> Settings:
    storage = service.parts.settings.storage
    swept = storage.model_copy(update={"sweep": SweepSettings(every_s=every_s, older_than_s=older_than_s)})
    return service.parts.settings.model_copy(update={"storage": swept})


@pytest.fixture
async def schedule(service: Service) -> AsyncIterator[str]:
    """The id of the service's schedule, which is gone after the test."""
    schedule_id = sweep_schedule_id(service.parts.settings.temporal.queue_prefix)
    yield schedule_id
    with suppress(RPCError):
        await service.parts.client.get_schedule_handle(schedule_id).delete()


async def described(client: Client, schedule_id: str) -> Schedule:
    return (await client.get_schedule_handle(schedule_id).describe()).schedule


async def argument(client: Client, found: Schedule) -> SweepInput:
    assert isinstance(found.action, ScheduleActionStartWorkflow)
    [job] = await client.data_converter.decode(found.action.args, [SweepInput])
    return job


async def test_the_schedule_fires_and_removes_an_orphan(service: Service, schedule: str) -> None:
    old = stray(service)
    client = service.parts.client
    await keep_schedules(client, settings(service, every_s=1))
    async with asyncio.timeout(30):
        while old.exists():
            await asyncio.sleep(0.05)
    again = stray(service)
    async with asyncio.timeout(30):
        while again.exists():
            await asyncio.sleep(0.05)
    runs = (await client.get_schedule_handle(schedule).describe()).info.recent_actions
    assert runs
    for run in runs:
        assert isinstance(run.action, ScheduleActionExecutionStartWorkflow)
        assert run.action.workflow_id.startswith(sweep_id(service.parts.settings.temporal.queue_prefix))


async def test_several_workers_make_one_schedule_and_changed_settings_change_it(
    service: Service, schedule: str
) -> None:
    client = service.parts.client
    await asyncio.gather(*(keep_schedules(client, settings(service, every_s=3600)) for _ in range(8)))
    first = await described(client, schedule)
    assert [each.every.total_seconds() for each in first.spec.intervals] == [3600]
    assert await argument(client, first) == SweepInput(older_than_s=60, scheduled=True)

    await client.get_schedule_handle(schedule).pause(note="migrating")
    await asyncio.gather(*(keep_schedules(client, settings(service, 7200, 90)) for _ in range(4)))
    changed = await described(client, schedule)
    assert [each.every.total_seconds() for each in changed.spec.intervals] == [7200]
    assert await argument(client, changed) == SweepInput(older_than_s=90, scheduled=True)
    assert (changed.state.paused, changed.state.note) == (True, "migrating")


async def test_a_restart_does_not_put_the_next_sweep_off(service: Service, schedule: str) -> None:
    handle = service.parts.client.get_schedule_handle(schedule)
    began = datetime.now(UTC)
    await keep_schedules(service.parts.client, settings(service, every_s=3600))
    [first, *_] = (await handle.describe()).info.next_action_times
    assert timedelta(seconds=3590) < first - began < timedelta(seconds=3630)
    await asyncio.sleep(1.1)
    await keep_schedules(service.parts.client, settings(service, every_s=3600))
    [again, *_] = (await handle.describe()).info.next_action_times
    assert again == first


async def test_a_worker_of_the_pipeline_queue_makes_the_schedule(service: Service, schedule: str) -> None:
    temporal = service.parts.settings.temporal
    environment = {
        **os.environ,
        "GILFOYLE_TEMPORAL__ADDRESS": temporal.address,
        "GILFOYLE_TEMPORAL__QUEUE_PREFIX": temporal.queue_prefix,
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": str(service.root),
        "GILFOYLE_STORAGE__SWEEP__EVERY_S": "1234",
    }
    command = [sys.executable, "-m", "gilfoyle", "worker", "--queue", "pipeline"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            while process.returncode is None:
                with suppress(RPCError):
                    found = await described(service.parts.client, schedule)
                    break
                await asyncio.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        _, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    assert [each.every.total_seconds() for each in found.spec.intervals] == [1234]


async def test_never_is_no_schedule(service: Service, schedule: str) -> None:
    client = service.parts.client
    await keep_schedules(client, settings(service, every_s=0))
    await keep_schedules(client, settings(service, every_s=3600))
    await described(client, schedule)
    await asyncio.gather(*(keep_schedules(client, settings(service, every_s=0)) for _ in range(4)))
    with pytest.raises(RPCError):
        await described(client, schedule)


async def test_a_temporal_that_is_away_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    away = Settings(temporal=TemporalSettings(address="127.0.0.1:1"))
    await asyncio.wait_for(keep_schedules(await connect(away.temporal, lazy=True), away), 60)
    assert "the schedule of the sweep could not be made" in caplog.text


@pytest.mark.slow
async def test_uploads_and_encodes_never_notice_a_sweep(service: Service, film: Path) -> None:
    """Sweeps without a pause that take anything for old, beside medias from their first byte to the last playlist."""
    done = False

    async def keep_sweeping() -> int:
        sweeps = 0
        while not done:
            result = await (await sweep(service, older_than_s=0, force=True)).result()
            [swept] = result.backends
            assert not swept.fault and not swept.found and not swept.unfinished_found, swept
            sweeps += 1
        return sweeps

    async def upload() -> Media:
        """As the API does it: under a lease that it keeps, then accepted."""
        catalog, storage = service.parts.catalog, await service.parts.storages.open()
        media = await catalog.medias.create("Film")
        held = await catalog.uploads.lease(media.id, 30)
        await asyncio.sleep(0.05)
        await storage.write(keys.source(media.id), slowly(film))
        await asyncio.sleep(0.05)
        await catalog.uploads.accept(
            media.id, kind="video", file_name=film.name, size=film.stat().st_size, sha256="0" * 64, held=held
        )
        return await service.media(media)

    async def process() -> UUID:
        media = await upload()
        await (await service.process(media)).result()
        return media.id

    sweeping = asyncio.create_task(keep_sweeping())
    medias = await asyncio.gather(*(process() for _ in range(4)))
    done = True
    assert await sweeping > 3
    for media_id in medias:
        media = await service.parts.catalog.medias.get(media_id)
        assert media.status == MediaStatus.READY, media.error_message
        assert (service.root / keys.source(media_id)).read_bytes() == film.read_bytes()


async def slowly(film: Path) -> AsyncIterator[bytes]:
    data = film.read_bytes()
    for start in range(0, len(data), 1 << 14):
        yield data[start : start + (1 << 14)]
        await asyncio.sleep(0.01)
