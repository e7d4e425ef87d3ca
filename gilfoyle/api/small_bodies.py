"""Bodies that are no uploads: small, and read whole before anything else is done for them.

A client that sends one slowly costs a few kilobytes then, not all that the application keeps for a request.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.api.addresses import app_path
from gilfoyle.api.body import LEAST_RATE, PATIENCE_S, Pace
from gilfoyle.api.errors import Refusal, refusal
from gilfoyle.api.tus import is_tus

JSON_BYTES = 1 << 20
# Nobody reads a body of theirs.
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "DELETE"}
# Where uploads go, which have limits of their own.
_UPLOAD = re.compile(r"/v1/medias/[^/]+/((upload|attachments)(/|$)|source$)|/v1/uploads/[^/]+$")


class ReadSmallBodies:
    """Middleware: a larger body is answered 413, a slower one 408."""

    def __init__(self, app: ASGIApp, limit: int = JSON_BYTES, patience_s: float = PATIENCE_S) -> None:
        self._app = app
        self._limit = limit
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY or is_upload(scope):
            return await self._app(scope, receive, send)
        pace = Pace(receive, self._patience_s)
        body, more = bytearray(), True
        while more:
            try:
                message = await pace.next()
            except TimeoutError:
                answer = refusal(408, f"Less than {LEAST_RATE} bytes a second arrived for too long.")
                return await Refusal(answer)(scope, receive, send)
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                answer = refusal(413, f"The body is larger than the {self._limit} bytes that are allowed here.")
                return await Refusal(answer)(scope, receive, send)
        return await self._app(scope, _after(bytes(body), receive), send)


def is_upload(scope: Scope) -> bool:
    """Whether the body is a file."""
    path = app_path(scope)
    # tus creates an upload, perhaps with its first bytes, where JSON orders one.
    return bool(_UPLOAD.match(path)) or (path == "/v1/uploads" and is_tus(Headers(scope=scope)))


def _after(body: bytes, receive: Receive) -> Receive:
    """The body in one message, then what else comes: that the client leaves."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message
