"""Server-Sent Events (HTML Standard, 9.2): an answer that goes on until either side ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gilfoyle.tasks import stop

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events until it has a buffer full of them
}


def wants_stream(accept: str) -> bool:
    """Whether an Accept header asks for one."""
    return "text/event-stream" in accept.lower()


class EventStream(Response):
    """Sends what an iterator yields. It is closed as soon as the client has left, also while it waits."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send))
        left = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait([sending, left], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await stop([sending, left])

    async def _send(self, send: Send) -> None:
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
