"""The host names under which the API may be addressed: foreign names are refused (DNS rebinding).

A page can make its own name resolve to this machine. Browsers then take the API for a part of that page, and only the
Host header shows it. IP addresses can't be redirected, so all are allowed.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.errors import Refusal, problem
from gilfoyle.config import ServerSettings
from gilfoyle.config.auth import is_address, is_local_name, is_loopback
from gilfoyle.errors import Misdirected

# uri-host [ ":" port ] (RFC 9110, 7.2)
_HOST = re.compile(r"(?:\[(?P<literal>[^\]]*)\]|(?P<name>[^:\[\]@/]*))(?::[0-9]*)?")


class CheckHosts:
    """Middleware: a request for another host is answered 421.

    Checked where the API listens to this machine alone, and wherever `allowed_hosts` names hosts. A request without a
    host comes from no browser.
    """

    def __init__(self, app: ASGIApp, server: ServerSettings) -> None:
        self._app = app
        self._names = {name.lower().rstrip(".") for name in server.allowed_hosts}
        self._checks = "*" not in self._names and (bool(self._names) or is_loopback(server.host))
        self._names |= {server.host.lower().rstrip("."), urlsplit(server.public_url).hostname or ""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._checks:
            asked = Headers(scope=scope).get("host", "")
            if asked and not self._is_ours(host_of(asked)):
                error = Misdirected(f"This server is not {asked[:100]}: if it is, name it in server.allowed_hosts.")
                return await Refusal(problem(error))(scope, receive, send)
        return await self._app(scope, receive, send)

    def _is_ours(self, host: str | None) -> bool:
        return host is not None and (host in self._names or is_local_name(host) or is_address(host))


def host_of(header: str) -> str | None:
    """The host of a Host header: lower case, without its port and an IPv6 address's brackets. None if there is none."""
    match = _HOST.fullmatch(header)
    return ((match["literal"] or match["name"] or "").lower().rstrip(".") or None) if match else None
