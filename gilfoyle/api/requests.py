"""Each request's id: in the answer, in the body of an error, and in the lines of the log that tell of it."""

from __future__ import annotations

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle import traces
from gilfoyle.logs import REQUEST_ID, about

HEADER = "X-Request-Id"
_NAME = HEADER.lower().encode()
_OF_A_MEDIA = re.compile(r"/v1/medias/([0-9a-fA-F-]{36})(?:/|$)")
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,100}")


class RequestIds:
    """Middleware: the client's or a proxy's id, if it is a plain word, or a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _NAME), b"")
        request_id = given if _SANE.fullmatch(given) else secrets.token_hex(8).encode()
        named_id = request_id.decode()
        REQUEST_ID.set(named_id)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (_NAME, request_id)]}
            await send(message)

        media = _OF_A_MEDIA.search(scope["path"])
        media_id = media[1].lower() if media else ""
        traces.tell(media_id=media_id, request_id=named_id)
        with about(media_id=media_id):
            await self._app(scope, receive, named)
