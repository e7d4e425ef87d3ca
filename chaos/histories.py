"""What Temporal knows: what still runs, what has failed, and what a killed worker was at work on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, NamedTuple

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError

from gilfoyle.api.standing import LOST

_PASSES = {"encode_video", "encode_audio"}
# A worker is taken for dead after 5 s; what is asked later than that is about another.
_PATIENCE_S = 4.0
# Heartbeats come every second; this leaves room for a busy machine.
_SILENT_S = 3.0
# Failures that are a file's own fault.
_DESERVED = {"unsupported_media"}
_BY_HAND = {WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.TERMINATED}


async def running(client: Client) -> list[WorkflowExecution]:
    """Workflows that have not ended."""
    return [each async for each in client.list_workflows('ExecutionStatus="Running"')]


async def standing(client: Client, workflow: WorkflowExecution) -> str:
    """A sentence on a workflow that runs: what it waits for."""
    handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
    raw = (await handle.describe()).raw_description
    waits = [
        f"{each.activity_type.name} (attempt {each.attempt}: {each.last_failure.message or 'no failure'})"
        for each in raw.pending_activities
    ]
    if raw.HasField("pending_workflow_task"):
        waits.append(f"a workflow task (attempt {raw.pending_workflow_task.attempt})")
    return f"workflow {workflow.id} still runs, and waits for {', '.join(waits) or 'nothing'}"


@dataclass(frozen=True)
class Interrupted:
    """A pass that was begun and has not ended. `queue`: the task queue's name at the server."""

    queue: str
    what: str


async def interrupted(client: Client, pid: int) -> list[Interrupted] | None:
    """The passes that the worker with that process id, killed just now, was at work on; None if nobody can tell.

    Read from what Temporal has pending. A pass that was dispatched, but got lost on the way with a connection that was
    cut, was never heard of; one that runs is heard of every second.
    """
    heard_since = time.time() - _SILENT_S
    try:
        async with asyncio.timeout(_PATIENCE_S):
            found = [await _pending(client, each, pid, heard_since) for each in await running(client)]
            return [each for some in found for each in some]
    except (RPCError, RuntimeError, TimeoutError):
        return None


async def _pending(client: Client, workflow: WorkflowExecution, pid: int, heard_since: float) -> list[Interrupted]:
    handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
    pending = [
        activity
        for activity in (await handle.describe()).raw_description.pending_activities
        if activity.activity_type.name in _PASSES
        and activity.last_worker_identity == f"{pid}@{socket.gethostname()}"
        and activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        and max(activity.last_started_time.seconds, activity.last_heartbeat_time.seconds) >= heard_since
    ]
    if not pending:
        return []
    scheduled = {event.activity_id: event for event in _passes(await handle.fetch_history()).values()}
    return [
        Interrupted(
            queue=scheduled[activity.activity_id].queue,
            what=f"{workflow.id}, {scheduled[activity.activity_id].summary}, attempt {activity.attempt} "
            f"since {activity.last_started_time.ToJsonString()}",
        )
        for activity in pending
    ]


async def failures(client: Client, stopped: Container[str] = (), *, rewound: bool = False) -> list[str]:
    """Workflows that ended otherwise than well, for another reason than a file's own; a sentence each.

    `stopped`: ids of those that were cancelled or terminated by hand. `rewound`: Temporal has lost its last seconds, so
    that no worker may be able to follow a history.
    """
    found = []
    query = 'ExecutionStatus IN ("Failed", "TimedOut", "Terminated", "Canceled")'
    async for each in client.list_workflows(query):
        if each.id in stopped and each.status in _BY_HAND:
            continue
        history = await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        reason = history.events[-1].workflow_execution_terminated_event_attributes.reason
        if rewound and reason == LOST:
            continue
        failure = history.events[-1].workflow_execution_failed_event_attributes.failure
        kind = failure.application_failure_info.type
        if kind not in _DESERVED:
            status = each.status.name if each.status else "?"
            found.append(f"workflow {each.id} ended {status}: {kind}: {reason or failure.message[:300]}")
    return found


async def encoded_twice(client: Client) -> Twice:
    """Passes of all workflows that were scheduled once more after they had been completed; a sentence each."""
    found = Twice([], [])
    async for each in client.list_workflows('WorkflowType="ProcessMedia"'):
        history = await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        if history.events[-1].workflow_execution_terminated_event_attributes.reason == LOST:
            continue  # it is not what happened
        of_one = repeated(history)
        found.for_nothing.extend(f"{each.id}: {name}" for name in of_one.for_nothing)
        found.for_loss.extend(f"{each.id}: {name}" for name in of_one.for_loss)
    return found


class Twice(NamedTuple):
    """Passes that were encoded again: for no reason, or since the storage had lost what it had been given."""

    for_nothing: list[str]
    for_loss: list[str]


def repeated(history: WorkflowHistory) -> Twice:
    """Summaries of passes (renditions, segments) that a workflow scheduled again after one had been completed."""
    scheduled = _passes(history)
    packaging = {
        event.event_id
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "package"
    }
    done: Counter[str] = Counter()
    lost: set[str] = set()
    again = Twice([], [])
    for event in history.events:
        if event.event_id in scheduled and done[name := scheduled[event.event_id].summary]:
            renditions = set(name.partition(":")[0].split(" + "))
            (again.for_loss if renditions & lost else again.for_nothing).append(name)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            completed = event.activity_task_completed_event_attributes
            if completed.scheduled_event_id in scheduled:
                done[scheduled[completed.scheduled_event_id].summary] += 1
            elif completed.scheduled_event_id in packaging:
                lost = set(json.loads(completed.result.payloads[0].data)["lost"])
    return again


@dataclass(frozen=True)
class _Scheduled:
    activity_id: str
    queue: str
    summary: str


def _passes(history: WorkflowHistory) -> dict[int, _Scheduled]:
    """The passes that a workflow has scheduled, by the number of the event."""
    found = {}
    for event in history.events:
        attributes: Any = event.activity_task_scheduled_event_attributes
        if attributes.activity_type.name in _PASSES:
            summary = json.loads(event.user_metadata.summary.data)
            found[event.event_id] = _Scheduled(attributes.activity_id, attributes.task_queue.name, summary)
    return found
