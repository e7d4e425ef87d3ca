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
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowRunner,
)

from gilfoyle import logs, traces
from gilfoyle.activities.catalog import CatalogActivities
from gilfoyle.activities.checksum import ChecksumActivities
from gilfoyle.activities.cleanup import CleanupActivities
from gilfoyle.activities.events import EventActivities
from gilfoyle.activities.extract import ExtractActivities
from gilfoyle.activities.fetch import FetchActivities
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
from gilfoyle.activities.webhooks import WebhookActivities
from gilfoyle.catalog import Catalog, Database
from gilfoyle.config import Settings, WorkerSettings
from gilfoyle.ffmpeg import sandbox
from gilfoyle.ffmpeg.tools import check_capability, check_encoders, check_ffmpeg, ffmpeg_path, ffprobe_path
from gilfoyle.ingest import Ingest
from gilfoyle.ingest.importing import Importing
from gilfoyle.lifeline import ready, watch
from gilfoyle.metrics.health import HEALTH, State
from gilfoyle.pod import keep_pod_cost
from gilfoyle.storage import Storages
from gilfoyle.sweep.survey import move_runs
from gilfoyle.tasks import stop
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.heartbeat import Heartbeat
from gilfoyle.temporal.measure import MeasurePasses
from gilfoyle.temporal.routes import (
    FIRST,
    IMPORT,
    IO,
    PIPELINE,
    QUEUES,
    SPECIAL_QUEUES,
    TRANSCODE,
    VERIFY,
    WEBHOOKS,
    pass_queue,
    queue_name,
)
from gilfoyle.temporal.schedules import keep_schedules
from gilfoyle.temporal.telemetry import exported
from gilfoyle.temporal.translate import TranslateErrors
from gilfoyle.temporal.versions import deployment, tell_if_unpromoted
from gilfoyle.workflows.delete_media import DeleteMedia
from gilfoyle.workflows.deliver_webhook import DeliverWebhook
from gilfoyle.workflows.import_media import ImportMedia
from gilfoyle.workflows.move_storage import MoveStorage
from gilfoyle.workflows.process_media import ProcessMedia
from gilfoyle.workflows.publish_media import PublishMedia
from gilfoyle.workflows.retry_media import RetryMedia
from gilfoyle.workflows.sweep_storage import SweepStorage
from gilfoyle.workflows.verify_media import VerifyMedia

log = logging.getLogger(__name__)

# A few heartbeats may be late, or lost, before a worker is taken for dead.
_BEATS_IN_TIMEOUT = 6
_WORKFLOWS = (
    ProcessMedia,
    RetryMedia,
    PublishMedia,
    DeleteMedia,
    MoveStorage,
    SweepStorage,
    VerifyMedia,
    DeliverWebhook,
    ImportMedia,
)
# Webhooks that are sent to at a time: mostly that is waiting.
_RECEIVERS = 64


@dataclass(frozen=True)
class Parts:
    """The dependencies of activities."""

    settings: Settings
    client: Client
    storages: Storages
    catalog: Catalog
    # Temporal's sandbox looks for what a workflow must not do: the tests run every workflow in it. Here it would cost
    # as much again as the workflows themselves (docs/decisions/0027).
    workflow_runner: WorkflowRunner = field(default_factory=UnsandboxedWorkflowRunner)


def run(settings: Settings, queues: Sequence[str] = ()) -> None:
    """Work on the queues until SIGTERM or SIGINT, then let activities end within the grace period.

    None: on all queues that the settings need. Raises Unavailable if Temporal can't be reached, StartupError if a tool
    is missing or too old, or a card does not work.
    """
    sandbox.use(sandbox.Mode(settings.tools.sandbox), settings.tools.sandbox_paths)
    queues = queues or [*QUEUES, *(pass_queue(TRANSCODE, each) for each in {*settings.encoding.encoders.values()})]
    runs_ffmpeg = bool({IO, TRANSCODE, *SPECIAL_QUEUES} & {*queues})
    if runs_ffmpeg:
        check_ffmpeg(settings.tools)
    if TRANSCODE in queues:
        check_encoders(settings.tools, settings.encoding)
    for capability in (SPECIAL_QUEUES[queue] for queue in queues if queue in SPECIAL_QUEUES):
        check_capability(settings.tools, settings.encoding, capability, settings.limits.memory_mb)
    logs.set_up(settings.logs.format)
    if settings.tools.sandbox != "none" and (why_not := sandbox.state().why_not):
        log.warning("ffmpeg can reach more than its source: %s", why_not)
    if runs_ffmpeg:
        sandbox.export_state()
        HEALTH.remark(sandbox.told(sandbox.Mode(settings.tools.sandbox)))
    watch()
    with (
        exported(settings.metrics, "worker"),
        traces.sent(settings.traces.endpoint, "worker", settings.traces.most_spans),
    ):
        asyncio.run(_serve(settings, list(queues)))


async def _serve(settings: Settings, queues: list[str]) -> None:
    stopped = asyncio.Event()
    for sent in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sent, stopped.set)
    HEALTH.enter(State.STARTING)
    async with AsyncExitStack() as stack:
        for keeping in (HEALTH.keep(), keep_pod_cost()):
            stack.push_async_callback(stop, [asyncio.create_task(keeping)])
        database = Database(settings.database.url, settings.database.pool_size, pooled=settings.database.pooled)
        stack.push_async_callback(database.close)
        storages = Storages(settings.storage)
        stack.push_async_callback(storages.close)
        await storages.open()  # wrong settings are said at the start, not by each activity
        parts = Parts(settings, await connect(settings.temporal), storages, Catalog(database))
        workers = build_workers(parts, queues)
        for worker in workers:
            await stack.enter_async_context(worker)
        telling = asyncio.create_task(tell_if_unpromoted(parts.client, settings.temporal))
        stack.push_async_callback(stop, [telling])
        if PIPELINE in queues:
            await keep_schedules(parts.client, settings)
        log.info("working on %s", ", ".join(queues))
        HEALTH.enter(State.WORKING)
        ready()
        await stopped.wait()
        HEALTH.enter(State.DRAINING)
        log.info("stopping; activities have %g s", settings.workers.grace_s)
        # All at once: one after another, the last would go on taking work while the first is waited for.
        await asyncio.gather(*(worker.shutdown() for worker in workers))


def build_workers(parts: Parts, queues: Sequence[str] = QUEUES) -> list[Worker]:
    """A worker for each queue. They run while they are entered as context managers."""
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
            catalog.cancelled,
            retrying.resume,
            retrying.recall,
            retrying.settle,
            publishing.changed_media,
            publishing.published,
            take_turn,
            moving.next_to_move,
            moving.end_move,
            EventActivities(
                parts.catalog, parts.settings.events.keep_days, parts.settings.limits.upload_keep_days
            ).forget_events,
        ],
        workflows=_WORKFLOWS,
    )
    webhooks = WebhookActivities(parts.catalog, parts.settings.webhooks, parts.settings.net.allow)
    return [worker, _worker(parts, WEBHOOKS, _RECEIVERS, [webhooks.send_due])]


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
            ChecksumActivities(parts.storages, parts.catalog).take_checksum,
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
    return [worker, _import(parts)]


def _import(parts: Parts) -> Worker:
    """The worker that fetches files from URLs."""
    settings = parts.settings
    ingest = Ingest(parts.catalog, parts.storages, settings.limits.upload_bytes)
    fetching = FetchActivities(Importing(parts.catalog, ingest, settings.imports, settings.net.allow))
    return _worker(parts, IMPORT, settings.workers.import_slots, [fetching.fetch, fetching.give_up_import])


def _transcode(parts: Parts) -> list[Worker]:
    return [*_encoding(parts), verify_worker(parts)]


def verify_worker(parts: Parts) -> Worker:
    """The worker that compares medias with their sources, one at a time."""
    verifying = VerifyActivities(**_running_ffmpeg(parts))
    # What is verified begins anew elsewhere, however long it is waited for.
    return _worker(parts, VERIFY, 1, [verifying.verify], grace_s=0, polls=1)


def _encoding(parts: Parts, capability: str = "") -> list[Worker]:
    activities = TranscodeActivities(**_running_ffmpeg(parts))
    return encoding_workers(parts, [activities.encode_video, activities.encode_audio], capability)


def encoding_workers(parts: Parts, passes: list[Callable[..., Any]], capability: str = "") -> list[Worker]:
    """Workers for long and for short passes that need the capability. `passes`: the activities that do them."""
    slots, _ = transcode_capacity(parts.settings.workers, os.cpu_count() or 1)
    return [
        _worker(parts, pass_queue(queue, capability), number, passes, polls=1)
        for queue, number in ((TRANSCODE, slots), (FIRST, parts.settings.workers.first_slots))
    ]


def _running_ffmpeg(parts: Parts) -> dict[str, Any]:
    """The dependencies of activities that decode or encode."""
    _, threads = transcode_capacity(parts.settings.workers, os.cpu_count() or 1)
    return {
        "storages": parts.storages,
        "ffmpeg": ffmpeg_path(parts.settings.tools),
        "ffprobe": ffprobe_path(parts.settings.tools),
        "threads": threads,
        "memory_mb": parts.settings.limits.memory_mb,
        "stall_s": parts.settings.workers.stall_timeout_s,
    }


_WORKERS: dict[str, Callable[[Parts], list[Worker]]] = {
    PIPELINE: _pipeline,
    IO: _io,
    TRANSCODE: _transcode,
    **{queue: partial(_encoding, capability=capability) for queue, capability in SPECIAL_QUEUES.items()},
}


def transcode_capacity(settings: WorkerSettings, cores: int) -> tuple[int, int]:
    """Slots (ffmpegs at a time) and threads per ffmpeg.

    By default a slot for every two cores and two threads in each: an ffmpeg with several outputs keeps them busy. Two
    passes on the same cores would both take twice as long, and a viewer may be waiting for the first of them.
    """
    slots = settings.transcode_slots or max(1, cores // 2)
    return slots, settings.threads or max(2, cores // slots)


def _worker(
    parts: Parts,
    queue: str,
    slots: int,
    activities: list[Callable[..., Any]],
    workflows: Sequence[type] = (),
    grace_s: float | None = None,
    polls: int = 5,
) -> Worker:
    """`grace_s`: how long it lets activities end when it stops; None: as long as the settings say.

    `polls`: requests for activities that it has open at a time. A frontend of Temporal has 1,200 of a namespace open at
    most by default, so who is there a thousand times has one: passes take seconds, and the next poll milliseconds.
    """
    is_of_passes = queue.startswith((TRANSCODE, FIRST))
    own = parts.settings.workers
    beat = timedelta(seconds=min(own.heartbeat_s, own.heartbeat_timeout_s / _BEATS_IN_TIMEOUT))
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
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(polls),
        interceptors=[
            *([MeasurePasses(queue)] if is_of_passes else []),
            TranslateErrors(notice_silence=is_of_passes),
            *([] if queue == PIPELINE else [Heartbeat()]),
        ],
        graceful_shutdown_timeout=timedelta(seconds=own.grace_s if grace_s is None else grace_s),
        deployment_config=deployment(parts.settings.temporal),
        max_heartbeat_throttle_interval=beat,
        default_heartbeat_throttle_interval=beat,
    )
