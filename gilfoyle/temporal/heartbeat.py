"""A heartbeat as long as the worker is alive, even while an activity reports nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from gilfoyle.temporal.attempts import Told

_EVERY_S = 2.0


class Heartbeat(Interceptor):
    """Worker interceptor: sends heartbeats while an activity runs, so that Temporal moves the work of a dead worker.

    The activity's own last heartbeat, of this attempt or an earlier one, is repeated, so that the next attempt still
    finds it. Encodes need this, too: they wait for the storage before and after ffmpeg runs. `Stall` notices an ffmpeg
    that hangs.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    _told: Told

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._told = Told(outbound)
        super().init(self._told)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        self._told.begin()
        beating = asyncio.create_task(self._beat())
        try:
            return await self.next.execute_activity(input)
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            self._told.tell()
            await asyncio.sleep(_EVERY_S)
