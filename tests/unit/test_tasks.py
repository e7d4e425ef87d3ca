"""Tasks side by side, and cancellations that must not get lost."""

from __future__ import annotations

import asyncio

import pytest

from gilfoyle.tasks import finished, gather_or_cancel, raise_if_cancelled


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


async def test_what_must_be_done_is_done_however_often_it_is_cancelled() -> None:
    may_end, done = asyncio.Event(), []

    async def must_be_done() -> str:
        await may_end.wait()
        done.append(1)
        return "done"

    task = asyncio.create_task(finished(asyncio.ensure_future(must_be_done())))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done
    assert await finished(asyncio.ensure_future(must_be_done())) == "done"


async def test_what_fails_at_its_end_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await finished(asyncio.ensure_future(fails()))
