"""The short way for what players fetch most: past the router, whose work takes longer than a segment's."""

from __future__ import annotations

import re
from types import SimpleNamespace

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.errors import problem
from gilfoyle.api.services import Services
from gilfoyle.api.stream import OBJECT_PATH, serve
from gilfoyle.errors import GilfoyleError

# What is no playlist; everything that is spelt otherwise goes through the router, to the same function.
_SEGMENT = re.compile(r"/stream/([A-Za-z0-9_-]{1,40})/([1-9][0-9]{0,8})/([A-Za-z0-9_./~-]+\.(?:m4s|mp4|vtt|jpg))")
_ROUTE = SimpleNamespace(path=OBJECT_PATH)


class ServeSegments:
    """Middleware, the innermost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _SEGMENT.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE  # for the metrics
        request = Request(scope, receive)
        services: Services = scope["app"].state.services
        playback_id, version, path = found.groups()
        try:
            answer = await serve(services, playback_id, int(version), path, request)
        except GilfoyleError as error:
            answer = problem(error)
        await answer(scope, receive, send)
