"""Passes reach their queue in the order in which they are handed out.

Temporal's server moves what one workflow task schedules into the queue by many hands: of 256 activities, number 120
came first, and number 1 after dozens of others. So only a few go at a time, and the next after a moment.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow

AT_ONCE = 8
PAUSE_S = 0.1


class Turnstile:
    """Lets `AT_ONCE` through, in the order in which they come, then no one for `PAUSE_S` seconds."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._passed = 0

    async def enter(self) -> None:
        """Wait for one's turn. Whoever comes alone doesn't wait, and costs the history nothing."""
        async with self._lock:
            if workflow.time() > self._at:  # another workflow task
                self._at, self._passed = workflow.time(), 0
            if self._passed == AT_ONCE:
                await workflow.sleep(PAUSE_S, summary="for those before to reach the queue")
                self._at, self._passed = workflow.time(), 0
            self._passed += 1
