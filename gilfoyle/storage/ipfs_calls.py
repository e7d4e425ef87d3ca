"""Blocking calls from a coroutine: in threads, and repeated while there is hope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from gilfoyle.storage.kubo_errors import Passing

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(pool: ThreadPoolExecutor, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread of `pool`. A cancelled task waits for it: what it does is then done or not."""
    future = asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))
    return await finished(future)


async def finished(future: asyncio.Future[T]) -> T:
    """Await what can't be stopped; a cancellation is raised when it has ended."""
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # seen, so that asyncio doesn't warn about it
        raise


async def patiently(call: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Repeat a call, with growing pauses, until `patience_s` after it first failed. Then its last error is raised."""
    gives_up, pause = 0.0, FIRST_PAUSE_S
    while True:
        try:
            return await call()
        except Passing:
            now = time.monotonic()
            gives_up = gives_up or now + patience_s
            if now + pause > gives_up:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
