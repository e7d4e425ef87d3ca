"""Tasks side by side, and cancellations that must not get lost."""

from __future__ import annotations

import asyncio

import pytest

from gilfoyle.tasks import gather_or_cancel, raise_if_cancelled


async def test_when_one_fails_the_others_have_ended_before_it_is_told() -> None:
    ended = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await gather_or_cancel(long(), fails())
    assert ended.is_set()


async def test_a_cancellation_that_was_waited_through_is_noticed() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done all the same"
        return ""

    async def work() -> str:
        raise_if_cancelled()  # not yet
        result = await stubborn()
        raise_if_cancelled()
        return result

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
