"""What HTTP wants of methods: HEAD wherever GET is, `Allow` with all that a path takes, and an answer to OPTIONS."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.api.addresses import app_path

_ORDER = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def allowed(request: Request) -> str:
    """`Allow` (RFC 9110, 10.2.1) of the request's path; empty if no route has it."""
    path = app_path(request.scope)
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(path):
            found |= set(route.methods)
    if not found:
        return ""
    found |= {"OPTIONS", "HEAD"} if "GET" in found else {"OPTIONS"}
    return ", ".join(method for method in _ORDER if method in found)


def options(request: Request) -> Response:
    """The answer to OPTIONS, but for preflights, which CORS answers."""
    return Response(status_code=204, headers={"Allow": allowed(request)})


class AnswerHead:
    """Middleware: HEAD where only GET is, as a GET whose body is not sent (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        refused = False

        async def unless_refused(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = message["status"] == 405 and _takes_get(message)
            if not refused:
                await send(message)

        async def without_body(message: Message) -> None:
            """Ends the answer with its head, so that one that goes on for ever, as events do, ends too."""
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, receive, unless_refused)
        if refused:
            # A scope of its own: the server reads in the other that no body is to follow.
            asked = {**scope, "method": "GET"}
            try:
                await self._app(asked, receive, without_body)
            finally:
                scope.update({**asked, "method": "HEAD"})


def _takes_get(message: Message) -> bool:
    allow: bytes = dict(message["headers"]).get(b"allow", b"")
    return b"GET" in allow.replace(b" ", b"").split(b",")
