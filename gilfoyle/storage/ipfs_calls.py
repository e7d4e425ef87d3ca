"""Blocking calls from a coroutine: in threads, and repeated while there is hope."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from gilfoyle.storage.kubo_errors import Passing
from gilfoyle.storage.patience import Patience
from gilfoyle.storage.threads import finished

FIRST_PAUSE_S = 0.05

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(pool: ThreadPoolExecutor, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread of `pool`. A cancelled task waits for it: what it does is then done or not."""
    future = asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))
    return await finished(future)


async def patiently(call: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Repeat a call, with growing pauses, until `patience_s` after it first failed. Then its last error is raised."""
    patience = Patience(patience_s, FIRST_PAUSE_S)
    while True:
        try:
            return await call()
        except Passing:
            pause = patience.pause()
            if pause is None:
                raise
        await asyncio.sleep(pause)
