"""Passes reach their queue nearly always in the order in which they are handed out.

Temporal's server moves what one workflow task schedules into the queue by many hands: of 256 activities, number 120
came first, and number 1 after dozens of others; of two, often the second. So only a few go at a time, and the next
after a moment: at first one, since a viewer waits for those; a place more or less does not matter once many are out.
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
    """Lets some through, in the order in which they come, and the next when those before have reached the queue.

    One at a time, one more after each eight that have passed, `AT_ONCE` in the end.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._passed = self._now = 0

    async def enter(self) -> None:
        """Wait for one's turn. Whoever comes alone doesn't wait, and costs the history nothing."""
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
