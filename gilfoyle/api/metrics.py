"""Requests as Prometheus counts them: how long each took, and the bytes of its body and of its answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.api.cycle import SEND_FILE
from gilfoyle.metrics.instruments import BYTES_IN, BYTES_OUT, HTTP_REQUEST_DURATION

_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))


class MeasureRequests:
    """Middleware that times. A route is labelled by its template, never by what clients made up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[tuple[str, str, int], Callable[[float], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind == "http.response.start":
                status = message["status"]
            elif sent := message["count"] if kind == SEND_FILE else len(message.get("body", b"")):
                BYTES_OUT.inc(sent)
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, _counting(receive) if scope["method"] in _WITH_BODY else receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if route != "other" and scope["method"] in _METHODS else "other"
            self._observe(method, route, status, time.perf_counter() - start)

    def _observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = method, route, status
        found = self._known.get(key)
        if found is None:  # to look a label up takes longer than to count
            found = self._known[key] = HTTP_REQUEST_DURATION.labels(method, route, str(status)).observe
        found(seconds)


def _counting(receive: Receive) -> Receive:
    async def counted() -> Message:
        message = await receive()
        if arrived := len(message.get("body", b"")):
            BYTES_IN.inc(arrived)
        return message

    return counted
