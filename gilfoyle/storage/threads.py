"""Blocking calls in threads can't be stopped: the waiting task waits for their end, even if cancelled."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def finished(call: asyncio.Future[T]) -> T:
    """The call's result. A cancelled task waits for its end, too: the thread may use what the task would release."""
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await settle(call)
        raise


async def settle(call: asyncio.Future[T]) -> None:
    """Wait for the call's end, even if this task is cancelled (again)."""
    while not call.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([call])
    if not call.cancelled():
        call.exception()  # seen, so that asyncio doesn't warn about it
