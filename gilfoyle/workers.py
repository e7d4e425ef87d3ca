"""What each task queue runs, and the worker process that runs it: the composition root behind `worker.py`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from gilfoyle import logs
from gilfoyle.activities.catalog import CatalogActivities
from gilfoyle.activities.cleanup import CleanupActivities
from gilfoyle.activities.extract import ExtractActivities
from gilfoyle.activities.move import MoveActivities
from gilfoyle.activities.package import PackageActivities
from gilfoyle.activities.probe import ProbeActivities
from gilfoyle.activities.publish import PublishActivities
from gilfoyle.activities.retrying import RetryActivities
from gilfoyle.activities.store import StoreActivities
from gilfoyle.activities.sweep import SweepActivities
from gilfoyle.activities.transcode import TranscodeActivities
from gilfoyle.activities.turn import take_turn
from gilfoyle.activities.unlisted import UnlistedActivities
from gilfoyle.activities.verify import VerifyActivities
from gilfoyle.catalog import Catalog, Database
from gilfoyle.config import Settings, WorkerSettings
from gilfoyle.ffmpeg.tools import check_encoders, check_ffmpeg, ffmpeg_path, ffprobe_path
from gilfoyle.lifeline import ready, watch
from gilfoyle.storage import Storages
from gilfoyle.sweep.survey import move_runs
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.heartbeat import Heartbeat
from gilfoyle.temporal.routes import FIRST, IO, PIPELINE, QUEUES, TRANSCODE, VERIFY, queue_name
from gilfoyle.temporal.schedules import keep_schedules
from gilfoyle.temporal.translate import TranslateErrors
from gilfoyle.workflows.delete_media import DeleteMedia
from gilfoyle.workflows.move_storage import MoveStorage
from gilfoyle.workflows.process_media import ProcessMedia
from gilfoyle.workflows.publish_media import PublishMedia
from gilfoyle.workflows.retry_media import RetryMedia
from gilfoyle.workflows.sweep_storage import SweepStorage
from gilfoyle.workflows.verify_media import VerifyMedia

log = logging.getLogger(__name__)

# Cancellation arrives with a heartbeat that is really sent; the SDK holds them back for up to 60 s by default.
_HEARTBEAT_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class Parts:
    """What activities are given."""

    settings: Settings
    client: Client
    storages: Storages
    catalog: Catalog
    # Temporal's sandbox looks for what a workflow must not do: the tests run every workflow in it. Here it would cost
    # as much again as the workflows themselves (docs/decisions/0027).
    workflow_runner: WorkflowRunner = field(default_factory=UnsandboxedWorkflowRunner)


def run(settings: Settings, queues: Sequence[str] = QUEUES) -> None:
    """Work on the queues until SIGTERM or SIGINT, then let activities end within the grace period.

    Raises Unavailable if Temporal can't be reached, StartupError if a tool is missing or too old.
    """
    if {IO, TRANSCODE} & {*queues}:
        check_ffmpeg(settings.tools)
    if TRANSCODE in queues:
        check_encoders(settings.tools, {rung.codec for rung in settings.encoding.video})
    logs.set_up()
    watch()
    asyncio.run(_serve(settings, list(queues)))


async def _serve(settings: Settings, queues: list[str]) -> None:
    stopped = asyncio.Event()
    for sent in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sent, stopped.set)
    async with AsyncExitStack() as stack:
        database = Database(settings.database.url, settings.database.pool_size)
        stack.push_async_callback(database.close)
        storages = Storages(settings.storage)
        stack.push_async_callback(storages.close)
        await storages.of()  # wrong settings are said at the start, not by each activity
        parts = Parts(settings, await connect(settings.temporal), storages, Catalog(database))
        for worker in build_workers(parts, queues):
            await stack.enter_async_context(worker)
        if PIPELINE in queues:
            await keep_schedules(parts.client, settings)
        log.info("working on %s", ", ".join(queues))
        ready()
        await stopped.wait()
        log.info("stopping; activities have %g s", settings.workers.grace_s)


def build_workers(parts: Parts, queues: Sequence[str] = QUEUES) -> list[Worker]:
    """A worker for each queue. They work while they are entered as context managers."""
    return [worker for queue in queues for worker in _WORKERS[queue](parts)]


def _pipeline(parts: Parts) -> list[Worker]:
    catalog = CatalogActivities(parts.catalog)
    retrying = RetryActivities(parts.storages, parts.catalog)
    publishing = PublishActivities(parts.storages, parts.catalog)
    moving = MoveActivities(parts.storages, parts.catalog)
    worker = _worker(
        parts,
        PIPELINE,
        parts.settings.workers.pipeline_slots,
        [
            catalog.plan,
            catalog.update_progress,
            catalog.finish,
            catalog.fail,
            retrying.resume,
            retrying.recall,
            retrying.settle,
            publishing.changed_media,
            publishing.published,
            take_turn,
            moving.next_to_move,
            moving.end_move,
        ],
        workflows=[ProcessMedia, RetryMedia, PublishMedia, DeleteMedia, MoveStorage, SweepStorage, VerifyMedia],
    )
    return [worker]


def _io(parts: Parts) -> list[Worker]:
    tools = parts.settings.tools
    cleanup = CleanupActivities(parts.storages, parts.catalog)
    moving = MoveActivities(parts.storages, parts.catalog)
    move_is_running = partial(move_runs, parts.client, parts.settings.temporal.queue_prefix)
    sweep = SweepActivities(parts.storages, parts.catalog, move_is_running)
    worker = _worker(
        parts,
        IO,
        parts.settings.workers.io_slots,
        [
            StoreActivities(parts.storages, parts.catalog).store,
            ProbeActivities(parts.storages, ffmpeg_path(tools), ffprobe_path(tools), parts.settings.limits).probe,
            ExtractActivities(
                parts.storages,
                parts.catalog,
                ffmpeg_path(tools),
                memory_mb=parts.settings.limits.memory_mb,
                stall_s=parts.settings.workers.stall_timeout_s,
            ).extract_texts,
            PackageActivities(parts.storages, parts.catalog.tracks).package,
            UnlistedActivities(parts.storages).clear_unlisted,
            cleanup.hide,
            cleanup.stop,
            cleanup.discard,
            cleanup.forget,
            RetryActivities(parts.storages, parts.catalog).release,
            PublishActivities(parts.storages, parts.catalog).clear_texts,
            moving.open_backend,
            moving.move,
            moving.clear,
            sweep.backends_in_use,
            sweep.sweep,
        ],
    )
    return [worker]


def _transcode(parts: Parts) -> list[Worker]:
    """One for long passes, one for short ones, one for what is verified."""
    slots, threads = transcode_capacity(parts.settings.workers, os.cpu_count() or 1)
    ffmpeg, ffprobe = ffmpeg_path(parts.settings.tools), ffprobe_path(parts.settings.tools)
    memory_mb, stall_s = parts.settings.limits.memory_mb, parts.settings.workers.stall_timeout_s
    activities = TranscodeActivities(
        parts.storages, ffmpeg, ffprobe, threads=threads, memory_mb=memory_mb, stall_s=stall_s
    )
    verifying = VerifyActivities(parts.storages, ffmpeg, ffprobe, threads=threads, memory_mb=memory_mb, stall_s=stall_s)
    return [
        *(
            _worker(parts, queue, number, [activities.encode_video, activities.encode_audio])
            for queue, number in ((TRANSCODE, slots), (FIRST, parts.settings.workers.first_slots))
        ),
        _worker(parts, VERIFY, 1, [verifying.verify]),
    ]


_WORKERS: dict[str, Callable[[Parts], list[Worker]]] = {PIPELINE: _pipeline, IO: _io, TRANSCODE: _transcode}


def transcode_capacity(settings: WorkerSettings, cores: int) -> tuple[int, int]:
    """Slots (ffmpegs at a time) and threads per ffmpeg.

    By default a slot for every two cores and two threads in each: an ffmpeg with several outputs keeps them busy. Two
    passes on the same cores would both take twice as long, and a viewer may be waiting for the first of them.
    """
    slots = settings.transcode_slots or max(1, cores // 2)
    return slots, settings.threads or max(2, cores // slots)


def _worker(
    parts: Parts, queue: str, slots: int, activities: list[Callable[..., Any]], workflows: Sequence[type] = ()
) -> Worker:
    return Worker(
        parts.client,
        task_queue=queue_name(parts.settings.temporal.queue_prefix, queue),
        activities=activities,
        workflows=workflows,
        workflow_runner=parts.workflow_runner,
        # With the five that ask by default, workflows of many uploads at once waited for longer than the ten seconds
        # after which Temporal has another worker begin them anew.
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_concurrent_activities=slots,
        interceptors=[
            TranslateErrors(notice_silence=queue in {TRANSCODE, FIRST}),
            *([] if queue == PIPELINE else [Heartbeat()]),
        ],
        graceful_shutdown_timeout=timedelta(seconds=parts.settings.workers.grace_s),
        max_heartbeat_throttle_interval=_HEARTBEAT_EVERY,
        default_heartbeat_throttle_interval=_HEARTBEAT_EVERY,
    )
