"""How passes fare on a worker: how many run, how long each had waited, and why attempts fail."""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from gilfoyle.metrics.instruments import PASS_FAILURES, PASS_WAIT
from gilfoyle.metrics.passes import RUNNING_PASSES
from gilfoyle.temporal.handover import HANDED_OVER


class MeasurePasses(Interceptor):
    """Worker interceptor for a queue of passes. The first of all, so that it sees errors as Temporal will."""

    def __init__(self, queue: str) -> None:
        """`queue`: its name, without the prefix."""
        self._queue = queue
        RUNNING_PASSES[queue] += 0

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._queue)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, queue: str) -> None:
        super().__init__(next)
        self._queue = queue

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        PASS_WAIT.labels(self._queue).observe(waited_s())
        RUNNING_PASSES[self._queue] += 1
        try:
            return await self.next.execute_activity(input)
        except Exception as error:
            if reason := _reason(error):
                PASS_FAILURES.labels(self._queue, reason).inc()
            raise
        finally:
            RUNNING_PASSES[self._queue] -= 1


def waited_s() -> float:
    """How long this attempt at an activity waited until a worker had a slot for it (seconds)."""
    info = activity.info()
    return max(0.0, (info.started_time - info.current_attempt_scheduled_time).total_seconds())


def _reason(error: Exception) -> str:
    """The stable code of an error, as `translate` gives it to Temporal; empty: it is no failure of the pass."""
    if not isinstance(error, ApplicationError) or error.type == HANDED_OVER:
        return ""
    return str(error.details[0]) if error.details else error.type or "internal"
