"""Request bodies: read piece by piece with their limits, or refused before they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.errors import InvalidRequest, TooLarge

JSON_BYTES = 1 << 20
"""The largest body that is not an upload."""
IDLE_S = 60.0
"""An upload of which nothing arrives for so long is given up (seconds)."""
LINGER_S = 2.0
LINGER_BYTES = 64 << 20


class RequestBody:
    """The pieces of a body as they arrive. No more than `limit` bytes; reads nothing ahead.

    Iterating raises TooLarge, InvalidRequest when nothing arrives for `idle_s`, and ClientDisconnect.
    """

    def __init__(self, receive: Receive, limit: int, idle_s: float = IDLE_S) -> None:
        self._receive = receive
        self._limit = limit
        self._idle_s = idle_s
        self.received = 0
        self.complete = False
        """Everything was read: the connection can be used again."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.complete:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece: bytes = message.get("body", b"")
            self.complete = not message.get("more_body", False)
            self.received += len(piece)
            if self.received > self._limit:
                raise TooLarge(f"The upload is larger than the {self._limit} bytes that are allowed.")
            if piece:
                yield piece

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._idle_s):
                return await self._receive()
        except TimeoutError as error:
            sentence = f"Nothing arrived for {self._idle_s:g} seconds, so the upload was given up."
            raise InvalidRequest(sentence, code="upload_stalled") from error


async def drain(scope: Scope, receive: Receive) -> None:
    """Read and throw away what a client sends although it was answered: for a short time, and not all of a big file.

    A client that waits for `100 Continue` (RFC 9110, 10.1.1) has sent nothing and now won't.
    """
    if any(name == b"expect" for name, _value in scope["headers"]):
        return
    count = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while count < LINGER_BYTES:
                message = await receive()
                count += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


class LimitBodies:
    """Middleware: a body that is not an upload is small. Larger ones are answered 413, not kept in memory."""

    def __init__(self, app: ASGIApp, limit: int = JSON_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "/upload/" in scope["path"]:
            return await self._app(scope, receive, send)
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                sentence = f"The body is larger than the {self._limit} bytes that are allowed here."
                # This class, since FastAPI turns every other one that reading a body raises into a 400.
                raise HTTPException(413, sentence, {"Connection": "close"})
            return message

        return await self._app(scope, limited, send)
