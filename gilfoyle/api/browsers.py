"""What browsers may make of an answer: OWASP's list of security headers, where they hold for a private API.

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html. Strict-Transport-Security is left to the
proxy that ends TLS.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_CORP = b"cross-origin-resource-policy"
_PLAYED: Headers = (_NOSNIFF, (_CORP, b"cross-origin"))
"""Of what players fetch from pages of any origin. Nothing of it is a page, so the rest would be bytes only."""
_WATCHED: Headers = (_NOSNIFF, (_CORP, b"cross-origin"), (b"referrer-policy", b"same-origin"))
"""Of the page that plays, which others may show in a frame. Its address may hold a token."""
MANAGING: Headers = (
    _NOSNIFF,
    (_CORP, b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""Of all else. A page of ours, or a download, says something else where it must."""
PAGE_POLICY = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""What the policies of pages that manage end with: no other page shows them in a frame, to have them clicked."""


class GuardBrowsers:
    """Middleware, the outermost: adds what an answer does not say itself. Segments cost it two prepared headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/stream/"):

            async def played(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], *_PLAYED]
                await send(message)

            await self._app(scope, receive, played)
            return
        wanted = _WATCHED if path.startswith("/watch/") else MANAGING

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                more = (header for header in wanted if header[0] not in said)
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, guarded)
