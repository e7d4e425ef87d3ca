"""What Temporal knows of a workflow: whether it runs, how it ended, and whether it can go on at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import FailureError, TerminatedError
from temporalio.service import RPCError

from gilfoyle.errors import EncryptionKeyMissing
from gilfoyle.temporal.calls import RPC_TIMEOUT, answered
from gilfoyle.temporal.failures import Reason, reason_of
from gilfoyle.temporal.messages import WAKE_SIGNAL

log = logging.getLogger(__name__)

LOST = "No worker could follow its history: it is begun again."
"""Why a workflow is terminated that can't go on."""
# A task of a workflow's whose worker dies or is too slow is tried again a few times; one that can't succeed, for ever.
_HOPELESS = 5
_UNKNOWN = Reason("internal", "internal", "It ended without a reason.")


@dataclass(frozen=True)
class Standing:
    """What Temporal knows about a workflow."""

    running: bool
    known: bool = True
    """Temporal has a workflow of that id."""
    fault: Reason | None = None
    """Why it ended without success. None if it is not running: it has succeeded, or Temporal does not know it."""


_UNKNOWN_TO_TEMPORAL = Standing(running=False, known=False)


async def standing_of(client: Client, workflow_id: str) -> Standing:
    """The state of the last workflow with that id. One that can't go on is ended, and then counts as unknown.

    It can't go on if no worker can replay its history: a power cut took events that a worker had seen, or a
    release has a fault. A workflow that waits for nothing known to Temporal is woken; if that changes nothing until
    the next look, it can't go on either: its worker remembers another past. Raises Unavailable.
    """
    handle = client.get_workflow_handle(workflow_id)
    try:
        with answered(keep_not_found=True):
            found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError:
        return _UNKNOWN_TO_TEMPORAL
    with answered():
        if found.status == WorkflowExecutionStatus.RUNNING:
            return await _look_at(handle, found)
        if found.status == WorkflowExecutionStatus.COMPLETED:
            return Standing(running=False)
        try:
            await handle.result(rpc_timeout=RPC_TIMEOUT)
        except WorkflowFailureError as error:
            if isinstance(error.cause, TerminatedError) and error.cause.message == LOST:
                return _UNKNOWN_TO_TEMPORAL
            return Standing(running=False, fault=fault_of(error))
    return Standing(running=False)


def fault_of(error: WorkflowFailureError) -> Reason:
    """Why a workflow failed."""
    return reason_of(error.cause) if isinstance(error.cause, FailureError) else _UNKNOWN


async def _look_at(handle: WorkflowHandle[object, object], found: WorkflowExecutionDescription) -> Standing:
    """At one that runs."""
    described = found.raw_description
    hopeless = described.pending_workflow_task.attempt >= _HOPELESS
    if hopeless and _lacks_a_key((await handle.fetch_history(rpc_timeout=RPC_TIMEOUT)).events):
        log.warning("%s waits for a worker that has the encryption key of its history", handle.id)
        return Standing(running=True)
    if not described.pending_activities and not described.HasField("pending_workflow_task"):
        events = (await handle.fetch_history(rpc_timeout=RPC_TIMEOUT)).events
        if not _waits_for_a_timer(events):
            hopeless = _was_woken(events)
            if not hopeless:
                await handle.signal(WAKE_SIGNAL, rpc_timeout=RPC_TIMEOUT)
    if hopeless:
        log.warning("%s can't go on: no worker can follow its history, so it is begun again", handle.id)
        await handle.terminate(reason=LOST, rpc_timeout=RPC_TIMEOUT)
        return _UNKNOWN_TO_TEMPORAL
    return Standing(running=True)


def _waits_for_a_timer(events: Sequence[HistoryEvent]) -> bool:
    timers = sum(event.HasField("timer_started_event_attributes") for event in events)
    ended = sum(
        event.HasField("timer_fired_event_attributes") or event.HasField("timer_canceled_event_attributes")
        for event in events
    )
    return timers > ended


def _was_woken(events: Sequence[HistoryEvent]) -> bool:
    """Whether a workflow was woken without doing anything: a worker that remembers another past believes that it waits
    for something."""
    last = next((each for each in reversed(events) if not _is_of_a_task(each)), None)
    return last is not None and last.workflow_execution_signaled_event_attributes.signal_name == WAKE_SIGNAL


def _lacks_a_key(events: Sequence[HistoryEvent]) -> bool:
    """Whether what a worker stumbled over last is that it can't decrypt them. A failure's type is never encrypted."""
    failures = (
        each.workflow_task_failed_event_attributes.failure
        for each in reversed(events)
        if each.HasField("workflow_task_failed_event_attributes")
    )
    last = next(failures, None)
    while last is not None and last.application_failure_info.type != EncryptionKeyMissing.__name__:
        last = last.cause if last.HasField("cause") else None
    return last is not None


def _is_of_a_task(event: HistoryEvent) -> bool:
    return str(event.WhichOneof("attributes")).startswith("workflow_task_")
