"""Tasks side by side: if one fails, or all are cancelled, none goes on, unless it must. In workflows as well."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_or_cancel(*steps: Coroutine[Any, Any, T] | asyncio.Task[T]) -> list[T]:
    """What they return. Raises what the first that fails raises, once the others have ended."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        return list(await asyncio.gather(*tasks))
    except (Exception, asyncio.CancelledError):
        await stop(tasks)
        raise


async def stop(tasks: Sequence[asyncio.Task[T]]) -> None:
    """Cancel them, and wait until all have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def finished(call: asyncio.Future[T]) -> T:
    """Its result. A cancelled task waits for its end too, however often it is cancelled: `shield` alone goes on.

    For what nobody can stop (a call in a thread, which may use what the task would release) or may leave half done.
    """
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


def raise_if_cancelled() -> None:
    """Raise CancelledError if the current task was cancelled while it waited for what ended well all the same.

    So does an activity of Temporal's whose cancellation is waited for: its result would hide that there was one.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
