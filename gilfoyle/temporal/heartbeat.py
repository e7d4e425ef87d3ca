"""A heartbeat for as long as a worker is alive, however long what it does has nothing new to tell."""

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
    """Worker interceptor: while an activity runs, its worker says so; Temporal gives the work of a dead one to another.

    What the activity has told of itself by a heartbeat, in this attempt or one before, is repeated, so that the next
    attempt still finds it. Also for encodes, which wait for a storage before ffmpeg begins and after it has ended; that
    ffmpeg does not get on is noticed by `Stall`.
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
