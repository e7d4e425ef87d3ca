"""Long operations: workflows that a command starts, or finds running, and follows until they end.

The workers do the work, not the command, so it goes on when the command ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.converter import DataConverter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.config import Settings
from gilfoyle.errors import GilfoyleError, Unavailable
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.failures import reason_of
from gilfoyle.temporal.routes import PIPELINE, queue_name


def reason_to_wait(activities: Iterable[PendingActivityInfo], patience_s: float, now: float | None = None) -> str:
    """A sentence for the first activity that is repeated, or has found no worker for `patience_s`; empty if all go on.

    `now`: in seconds since the epoch, the present by default.
    """
    for activity in activities:
        if activity.HasField("last_failure"):
            return activity.last_failure.message
        waited_s = (time.time() if now is None else now) - activity.scheduled_time.ToSeconds()
        if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and waited_s > patience_s:
            return f"no worker has taken the step {activity.activity_type.name} yet; is one on every queue?"
    return ""


POLL_S = 0.5
WORKER_S = 20.0
"""How long no worker may take up the workflow before the command gives up."""
PATIENCE_S = 120.0
"""How long Temporal may be away, for a restart, before following gives up."""
_RPC = timedelta(seconds=5)
# Its start and the task that waits for a worker: what a history holds that no worker has seen.
_EVENTS_UNSEEN = 2
# As often in a row a task of a workflow may fail before that is told: a worker that dies costs it one or two.
_STUCK = 4

Result = TypeVar("Result", bound=BaseModel)


@dataclass(frozen=True)
class Operation(Generic[Result]):
    """A workflow to start on the pipeline queue. `title` begins a sentence: `The sweep`."""

    workflow: str
    id: str
    job: BaseModel
    result: type[Result]
    title: str
    join: bool = True
    """Follow one of that id that runs already. False: let it end, and then start this one."""
    query: str = ""
    """The workflow's query that tells how far it is; empty: none."""


def perform(
    settings: Settings,
    operation: Operation[Result],
    say: Callable[[str], None],
    on_progress: Callable[[Any], None] | None = None,
) -> Result:
    """Start the operation, or join it, and wait for its result. Ctrl-C leaves it running, and says so.

    `say` gets sentences for a person; `on_progress` what the operation's query answers, twice a second.

    Raises Unavailable if Temporal can't be reached or no worker takes it up, GilfoyleError with the workflow's own
    reason if it fails.
    """
    follower = _Follower(settings, operation, say, on_progress)
    try:
        return asyncio.run(follower.run())
    except KeyboardInterrupt:
        if follower.begun:
            say(f"{operation.title} goes on without this command; Temporal knows it as {operation.id}.")
        raise


def begin(settings: Settings, operation: Operation[Result]) -> bool:
    """Start the operation and don't wait; False if one of that id runs already. Raises Unavailable."""
    return asyncio.run(_Follower(settings, operation, lambda _sentence: None, None).begin())


class _Follower(Generic[Result]):
    def __init__(
        self,
        settings: Settings,
        operation: Operation[Result],
        say: Callable[[str], None],
        on_progress: Callable[[Any], None] | None,
    ) -> None:
        self._settings, self._operation = settings, operation
        self._say, self._on_progress = say, on_progress
        self._queue = queue_name(settings.temporal.queue_prefix, PIPELINE)
        self._told: set[str] = set()
        self._converter = DataConverter.default
        self.begun = False
        """Whether it runs at Temporal."""

    async def run(self) -> Result:
        client = await connect(self._settings.temporal)
        self._converter = client.data_converter
        while True:
            try:
                handle = await self._start(client)
            except WorkflowAlreadyStartedError:
                handle = self._find(client)
                self.begun = self._operation.join
                await self._end(handle, ours=False)
                if not self._operation.join:
                    continue
            else:
                self.begun = True
                await self._end(handle, ours=True)
            return await self._result(handle)

    async def begin(self) -> bool:
        try:
            await self._start(await connect(self._settings.temporal))
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _start(self, client: Client) -> WorkflowHandle[Any, Result]:
        """Raises WorkflowAlreadyStartedError if one runs already."""
        try:
            return await client.start_workflow(
                self._operation.workflow,
                self._operation.job,
                id=self._operation.id,
                task_queue=self._queue,
                result_type=self._operation.result,
                rpc_timeout=_RPC,
            )
        except RPCError as error:
            raise self._unreachable(error) from error

    def _find(self, client: Client) -> WorkflowHandle[Any, Result]:
        then = "this command follows it" if self._operation.join else "this one begins when that has ended"
        self._tell(f"{self._operation.title} is running already: {then}.")
        return client.get_workflow_handle(self._operation.id, result_type=self._operation.result)

    async def _end(self, handle: WorkflowHandle[Any, Result], *, ours: bool) -> None:
        """Wait until it has ended, however. Raises Unavailable, and GilfoyleError if Temporal has lost it."""
        began = seen = time.monotonic()
        taken_up = False  # noted, since one that continues as new begins with a short history again
        while True:
            try:
                state = await handle.describe(rpc_timeout=_RPC)
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    raise self._lost() from error
                if time.monotonic() - seen > PATIENCE_S:
                    raise self._unreachable(error) from error
            else:
                seen = time.monotonic()
                if state.status != WorkflowExecutionStatus.RUNNING:
                    return
                taken_up = taken_up or state.history_length > _EVENTS_UNSEEN
                if not taken_up and seen - began > WORKER_S:
                    await self._give_up(handle if ours else None)
                await self._watch(handle, state)
            await asyncio.sleep(POLL_S)

    async def _give_up(self, ours: WorkflowHandle[Any, Result] | None) -> None:
        """Take back what no worker has begun: nobody expects it to begin tomorrow. Raises Unavailable."""
        if ours:
            try:
                await ours.terminate("no worker took it up", rpc_timeout=_RPC)
            except RPCError:
                return  # it has just ended, or Temporal is away: the next look tells
        raise Unavailable(
            f"No worker answers on the queue {self._queue}, so nothing was done: "
            "start `gilfoyle worker --queue pipeline --queue io`, or `gilfoyle up`, and try again."
        )

    async def _watch(self, handle: WorkflowHandle[Any, Result], state: WorkflowExecutionDescription) -> None:
        described = state.raw_description
        for activity in described.pending_activities:
            if activity.HasField("last_failure"):
                failure = await self._converter.decode_failure(activity.last_failure)
                activity.last_failure.message = getattr(failure, "message", str(failure))
        reason = reason_to_wait(described.pending_activities, WORKER_S)
        if described.pending_workflow_task.attempt >= _STUCK:
            reason = reason or "no worker can go on with it; the log of a worker of the queue pipeline says why"
        if reason:
            self._tell(f"{self._operation.title} waits: {reason}")
        if self._on_progress and self._operation.query:
            with suppress(RPCError, WorkflowQueryFailedError):  # no worker has a moment: the next time, perhaps
                self._on_progress(await handle.query(self._operation.query, rpc_timeout=_RPC))

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._say(sentence)

    async def _result(self, handle: WorkflowHandle[Any, Result]) -> Result:
        try:
            return await handle.result(rpc_timeout=_RPC)
        except RPCError as error:
            raise self._unreachable(error) from error
        except WorkflowFailureError as error:
            fault = reason_of(error.cause)  # type: ignore[arg-type]
            raise GilfoyleError(fault.message, code=fault.code) from error

    def _lost(self) -> GilfoyleError:
        """As a power cut does, which costs an embedded Temporal its last seconds."""
        return GilfoyleError(
            f"{self._operation.title} was lost: Temporal does not know it any more. Run the command again; "
            "what is done stays done."
        )

    def _unreachable(self, error: RPCError) -> Unavailable:
        where = self._settings.temporal.address
        if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            return Unavailable(f"Temporal can't be reached at {where}.")
        return Unavailable(f"Temporal at {where} refuses: {error.message.rstrip('.')}.")
