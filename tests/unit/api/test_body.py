from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from gilfoyle.api.body import LEAST_RATE, Pace, RequestBody
from gilfoyle.errors import InvalidRequest


class Client:
    """Sends so many pieces of `size` bytes, one each `every_s`, and then says nothing."""

    def __init__(self, pieces: int, size: int, every_s: float) -> None:
        self._left, self._size, self._every_s = pieces, size, every_s

    async def receive(self) -> Message:
        if self._left == 0:
            await asyncio.Event().wait()
        self._left -= 1
        await asyncio.sleep(self._every_s)
        return {"type": "http.request", "body": bytes(self._size), "more_body": True}


async def read(pace: Pace) -> int:
    """How many messages come before patience ends."""
    count = 0
    try:
        while True:
            await pace.next()
            count += 1
    except TimeoutError:
        return count


async def test_a_trickle_is_not_waited_for_longer_than_silence() -> None:
    assert await read(Pace(Client(1000, 1, 0.02).receive, 0.1)) < 10


async def test_what_keeps_the_pace_is_waited_for() -> None:
    async with asyncio.timeout(5):
        assert await read(Pace(Client(40, LEAST_RATE // 10, 0.02).receive, 0.1)) == 40


async def test_what_came_fast_does_not_buy_time_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.api.body.IDLE_S", 0.2)
    async with asyncio.timeout(2):
        assert await read(Pace(Client(1, 1 << 30, 0).receive, 0.1)) == 1


async def test_the_time_that_we_take_does_not_count() -> None:
    pace = Pace(Client(3, 1, 0).receive, 0.1)
    for _ in range(3):
        await pace.next()
        await asyncio.sleep(0.15)


async def test_an_upload_that_trickles_is_given_up() -> None:
    body = RequestBody(Client(1000, 1, 0.02).receive, 1 << 20, 0.1)
    with pytest.raises(InvalidRequest) as caught:
        async for _ in body:
            pass
    assert caught.value.reason == "upload_stalled"
    assert not body.complete
