"""JSON answers, gzipped for who takes that: the items of a list have most of their bytes in common."""

from __future__ import annotations

import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.api.addresses import app_path
from gilfoyle.api.ranges import accepts_gzip

LEAST_BYTES = 1024
"""What is smaller fits a packet as it is."""
_LEVEL = 5
_MARK = '-gzip"'
_COMPRESSED = ("/v1/", "/openapi.json")


class CompressJson:
    """Middleware: what is whole and JSON. Streams, and what is compressed already, go on as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "HEAD" or not app_path(scope).startswith(_COMPRESSED):
            await self._app(scope, receive, send)
            return
        takes = accepts_gzip(Headers(scope=scope).get("accept-encoding"))
        start: Message | None = None

        async def compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_json(message):
                start = message
                return
            if start is not None:
                head, start = start, None
                message = _compress(head, message, takes)
                await send(head)
            await send(message)

        await self._app(scope, receive, compressed)


def unmarked(tags: str) -> str:
    """The ETags of a header as they were before their content was compressed."""
    return tags.replace(_MARK, '"')


def _is_json(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return headers.get("content-type", "").startswith("application/json") and "content-encoding" not in headers


def _compress(start: Message, body: Message, takes: bool) -> Message:
    """The body as it is sent; the headers in `start` are changed with it."""
    start["headers"] = list(start["headers"])
    headers = MutableHeaders(raw=start["headers"])
    headers.add_vary_header("Accept-Encoding")
    content = body.get("body", b"")
    if not takes or body.get("more_body", False) or len(content) < LEAST_BYTES:
        return body
    content = gzip.compress(content, _LEVEL, mtime=0)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(content))
    if headers.get("etag", "").endswith('"'):  # other bytes need another tag (RFC 9110, 8.8.3)
        headers["ETag"] = headers["etag"][:-1] + _MARK
    return {**body, "body": content}
