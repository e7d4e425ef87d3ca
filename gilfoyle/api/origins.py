"""What pages of other sites may do.

A browser sends any page's requests anywhere, and what needs no preflight (Fetch, 2.2.2), such as a form's POST, arrives
whatever CORS says. So whatever changes something must come from a page of this server, of an origin in `app_origins`,
or from no browser at all.

An upload that was ordered is for pages of the origin that its order names, or of `cors_origins` if it names none: they
show its token, which no other page knows.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, QueryParams
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.addresses import Addresses, app_path
from gilfoyle.api.errors import Refusal, problem
from gilfoyle.api.upload_access import token_of
from gilfoyle.config import ServerSettings
from gilfoyle.errors import Forbidden

_READING = ("GET", "HEAD")
_ALL = (*_READING, "POST", "PUT", "PATCH", "DELETE")
_SAFE = {*_READING, "OPTIONS"}
_ORDERED = re.compile(r"/v1/uploads/([^/]+)(?:/parts(?:/[a-z]+)?)?")
# What a player reads: whoever knows a playback id may.
_PLAYED = re.compile(r"/(stream|watch)/.*")
# What a page reads of a tus server's answers.
_TUS = (
    "Location",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


UploadOrigin = Callable[[str], Awaitable[str | None]]


class GuardOrigins:
    """Middleware: CORS for allowed origins, and 403 for changes that pages of other sites request."""

    def __init__(self, app: ASGIApp, server: ServerSettings, upload_origin: UploadOrigin | None = None) -> None:
        """`upload_origin` says whose pages an upload is for; None or none: those of `cors_origins`."""
        self._app = app
        self._upload_origin = upload_origin
        self._players = set(server.cors_origins)
        self._applications = set(server.app_origins)
        self._addresses = Addresses(server)
        self._played = _cors(app, {*server.cors_origins, *server.app_origins}, _READING)
        self._rest = _cors(app, self._applications, _ALL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._rest(scope, receive, send)
        headers = Headers(scope=scope)
        if (origins := await self._orderers(headers, scope)) is not None:
            return await _cors(self._app, origins, _ALL)(scope, receive, send)
        if scope["method"] not in _SAFE and not self._may_change(headers, scope):
            origin = headers.get("origin", "another site")
            sentence = f"Pages of {origin[:100]} may change nothing here: name those that may in server.app_origins."
            return await Refusal(problem(Forbidden(sentence)))(scope, receive, send)
        # A preflight asks for the method that it announces.
        method = headers.get("access-control-request-method") if scope["method"] == "OPTIONS" else scope["method"]
        open_to_players = method in _READING and _PLAYED.fullmatch(app_path(scope))
        return await (self._played if open_to_players else self._rest)(scope, receive, send)

    async def _orderers(self, headers: Headers, scope: Scope) -> set[str] | None:
        """The origins whose pages may do the upload of the path, if the request comes from one of them with a token.

        A preflight does not show the token.
        """
        ordered = _ORDERED.fullmatch(app_path(scope))
        if not ordered or "origin" not in headers or not (_is_preflight(headers, scope) or _has_token(headers, scope)):
            return None
        origin = await self._upload_origin(ordered[1]) if self._upload_origin else None
        origins = {origin} if origin else self._players
        return origins if headers["origin"] in origins or "*" in origins else None

    def _may_change(self, headers: Headers, scope: Scope) -> bool:
        """Judged by a header that no page can forge: Sec-Fetch-Site, or Origin if a browser doesn't send it."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin in self._applications or (origin and "*" in self._applications):
            return True
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or any(_is_at(origin, host) for host in self._addresses.hosts(scope))


def _is_preflight(headers: Headers, scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _has_token(headers: Headers, scope: Scope) -> bool:
    query = QueryParams(scope.get("query_string", b"")).get("token", "")
    return bool(token_of(headers.get("authorization", ""), query))


def _is_at(origin: str, host: str) -> bool:
    """Whether pages of the origin come from this host, in small letters. Not by its scheme: a proxy may do TLS."""
    scheme, _, authority = origin.lower().partition("://")
    return host in (authority, f"{authority}:{_DEFAULT_PORTS.get(scheme)}")


def _cors(app: ASGIApp, origins: set[str], methods: tuple[str, ...]) -> CORSMiddleware:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=methods,
        allow_headers=["*"],
        expose_headers=["Content-Length", "Content-Range", "ETag", "Upload-Complete", "X-Request-Id", *_TUS],
        max_age=86400,
    )
