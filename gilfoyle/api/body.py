"""Request bodies: read piece by piece with their limits, or refused before they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from gilfoyle.errors import InvalidRequest, TooLarge

PATIENCE_S = 30.0
"""The initial time for a body, in all (seconds); bytes that arrive extend it."""
LEAST_RATE = 1024
"""Bytes that add one second: a slower client is cut off in the end."""
IDLE_S = 60.0
"""The most time in reserve: a body is given up when nothing arrives for this long (seconds)."""
PLAIN_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
"""In OpenAPI: the body is a file."""
LINGER_S = 2.0
LINGER_BYTES = 64 << 20


def form_body(description: str, example: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """In OpenAPI: the body is a form with a file, and those fields. `description` and `example`: of the file."""
    file = {"type": "string", "format": "binary", "description": description}
    schema = {"type": "object", "required": ["file"], "properties": {"file": file, **fields}}
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": schema, "example": {"file": example}}},
    }


class Pace:
    """A body's messages, for as long as it keeps its pace. Only the time that we wait for the client counts."""

    def __init__(self, receive: Receive, patience_s: float) -> None:
        self._receive = receive
        self._patience_s = patience_s

    async def next(self) -> Message:
        """Raises TimeoutError when the client has been too slow for too long."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        async with asyncio.timeout(self._patience_s):
            message = await self._receive()
        bought = len(message.get("body", b"")) / LEAST_RATE
        self._patience_s = min(self._patience_s - (loop.time() - begin) + bought, IDLE_S)
        return message


class RequestBody:
    """The pieces of a body as they arrive. No more than `limit` bytes; reads nothing ahead.

    Iterating raises TooLarge, InvalidRequest when the client is too slow, and ClientDisconnect.
    """

    def __init__(self, receive: Receive, limit: int, patience_s: float = PATIENCE_S) -> None:
        self._pace = Pace(receive, patience_s)
        self._limit = limit
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
            return await self._pace.next()
        except TimeoutError as error:
            sentence = f"Less than {LEAST_RATE} bytes a second arrived for too long, so the upload was given up."
            raise InvalidRequest(sentence, code="upload_stalled") from error


async def drain(scope: Scope, receive: Receive) -> None:
    """Read and drop what a client still sends after its answer: for a short time, and not all of a big file.

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
