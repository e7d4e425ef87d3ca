"""Hands passes to Temporal slowly, so that they nearly always reach their queue in order.

Temporal's server moves the activities of one workflow task into the queue concurrently: of 256 activities, number 120
arrived first and number 1 after dozens of others; of two, often the second came first. So only a few are scheduled at
a time: at first one, since a viewer waits for it; later more, since exact order then no longer matters.
A moment is long enough nearly always; what keeps ahead of a viewer has a window besides (`workflows/pacing.py`).
"""

from __future__ import annotations

import asyncio

from temporalio import workflow

from gilfoyle.temporal import routes

with workflow.unsafe.imports_passed_through():
    from gilfoyle.activities.turn import take_turn

AT_ONCE = 8
_ONE_MORE_EVERY = 8


class Throttle:
    """Lets callers through in order; the next ones when those before have reached the queue.

    At first one at a time, then one more after every eight, up to `AT_ONCE`.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._passed = self._now = 0

    async def enter(self) -> None:
        """Wait for a turn. A lone caller doesn't wait, and adds nothing to the history."""
        async with self._lock:
            if workflow.time() > self._at:  # another workflow task
                self._at, self._now = workflow.time(), 0
            if self._now >= min(1 + self._passed // _ONE_MORE_EVERY, AT_ONCE):
                await _moment()
                self._at, self._now = workflow.time(), 0
            self._now += 1
            self._passed += 1


async def _moment() -> None:
    summary = "for those before to reach the queue"
    await workflow.execute_activity(take_turn, summary=summary, **routes.turn())
