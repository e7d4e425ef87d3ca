"""Scheduled work: Temporal Schedules, created and updated by every worker of the pipeline queue."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.config import Settings
from gilfoyle.temporal.messages import SweepInput, sweep_id
from gilfoyle.temporal.routes import PIPELINE, queue_name

log = logging.getLogger(__name__)

_RPC = timedelta(seconds=10)
# After an outage, one sweep more or less is all the same.
_CATCHUP = timedelta(minutes=1)


def sweep_schedule_id(queue_prefix: str) -> str:
    """The schedule's id at Temporal."""
    return f"{queue_prefix}-sweep"


async def keep_schedules(client: Client, settings: Settings) -> None:
    """Bring the schedules in line with the settings. Several workers may do so at once.

    If Temporal can't be reached, the log says so, and the next worker that starts does it.
    """
    try:
        await _keep_sweep(client, settings)
    except (RPCError, RuntimeError) as error:
        log.warning("the schedule of the sweep could not be made: %s", error)


async def _keep_sweep(client: Client, settings: Settings) -> None:
    schedule_id = sweep_schedule_id(settings.temporal.queue_prefix)
    if not settings.storage.sweep.every_s:
        await _remove(client, schedule_id)
        return
    wanted = sweep_schedule(settings)
    try:
        await client.create_schedule(schedule_id, wanted, rpc_timeout=_RPC)
    except ScheduleAlreadyRunningError:

        def update(found: ScheduleUpdateInput) -> ScheduleUpdate:
            there = found.description.schedule
            wanted.state = there.state  # one that was paused stays paused
            if [each.every for each in there.spec.intervals] == [each.every for each in wanted.spec.intervals]:
                wanted.spec = there.spec  # a restart does not put it off
            return ScheduleUpdate(wanted)

        await client.get_schedule_handle(schedule_id).update(update, rpc_timeout=_RPC)


def sweep_schedule(settings: Settings) -> Schedule:
    """The schedule as the settings want it: the first sweep is one interval from now."""
    sweep, prefix = settings.storage.sweep, settings.temporal.queue_prefix
    # Intervals are counted from the epoch: else all machines would sweep at midnight, when many are not even on.
    offset = timedelta(seconds=int(time.time()) % sweep.every_s)
    return Schedule(
        action=ScheduleActionStartWorkflow(
            "SweepStorage",
            SweepInput(older_than_s=sweep.older_than_s, scheduled=True),
            id=sweep_id(prefix),
            task_queue=queue_name(prefix, PIPELINE),
            static_summary="what no media owns",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(timedelta(seconds=sweep.every_s), offset)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCHUP),
    )


async def _remove(client: Client, schedule_id: str) -> None:
    try:
        await client.get_schedule_handle(schedule_id).delete(rpc_timeout=_RPC)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
