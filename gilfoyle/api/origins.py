"""What pages of other sites may do.

A browser sends any page's requests anywhere, and what needs no preflight (Fetch, 2.2.2), such as a form's POST, arrives
whatever CORS says. So whatever changes something must come from a page of this server, of an origin in `app_origins`,
or from no browser at all.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.errors import Refusal, problem
from gilfoyle.config import ServerSettings
from gilfoyle.errors import Forbidden

_READING = ("GET", "HEAD")
_SAFE = {*_READING, "OPTIONS"}
# What a player reads: whoever knows a playback id may.
_PLAYED = re.compile(r"/(stream|watch)/.*")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class GuardOrigins:
    """Middleware: CORS, by what is asked for, and 403 for changes that pages of other sites ask for."""

    def __init__(self, app: ASGIApp, server: ServerSettings) -> None:
        self._applications = set(server.app_origins)
        self._played = _cors(app, {*server.cors_origins, *server.app_origins}, _READING)
        self._rest = _cors(app, self._applications, (*_READING, "POST", "PUT", "PATCH", "DELETE"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._rest(scope, receive, send)
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and not self._may_change(headers):
            origin = headers.get("origin", "another site")
            sentence = f"Pages of {origin[:100]} may change nothing here: name those that may in server.app_origins."
            return await Refusal(problem(Forbidden(sentence)))(scope, receive, send)
        # A preflight asks for the method that it announces.
        method = headers.get("access-control-request-method") if scope["method"] == "OPTIONS" else scope["method"]
        open_to_players = method in _READING and _PLAYED.fullmatch(scope["path"])
        return await (self._played if open_to_players else self._rest)(scope, receive, send)

    def _may_change(self, headers: Headers) -> bool:
        """By what no page can forge: Sec-Fetch-Site, or where a browser doesn't send it, Origin."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin in self._applications or (origin and "*" in self._applications):
            return True
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or _is_at(origin, headers.get("host", ""))


def _is_at(origin: str, host: str) -> bool:
    """Whether pages of the origin come from this host. Not by its scheme: a proxy may do TLS for it."""
    scheme, _, authority = origin.lower().partition("://")
    return host.lower() in (authority, f"{authority}:{_DEFAULT_PORTS.get(scheme)}")


def _cors(app: ASGIApp, origins: set[str], methods: tuple[str, ...]) -> CORSMiddleware:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=methods,
        allow_headers=["*"],
        expose_headers=["Content-Length", "Content-Range", "ETag", "Upload-Complete", "Upload-Offset"],
        max_age=86400,
    )
