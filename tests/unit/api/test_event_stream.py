from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Message

from gilfoyle.api.event_stream import EventStream


async def test_a_client_that_leaves_ends_it_while_it_waits() -> None:
    leaves, ended = asyncio.Event(), asyncio.Event()
    sent: list[Message] = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def receive() -> Message:
        if len(sent) < 2:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": False}
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    answer = asyncio.create_task(EventStream(chunks())({"type": "http"}, receive, send))
    async with asyncio.timeout(5):
        while len(sent) < 2:
            await asyncio.sleep(0)
        leaves.set()
        await answer
    assert ended.is_set()
    assert sent[1]["body"] == b"first"
