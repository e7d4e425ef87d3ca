"""By which names the API may be addressed: a stranger's name must not lead here (DNS rebinding).

A page can have its own name resolve to this machine. Browsers then take the API for a part of that page, and only the
Host header tells. An address can't be made to lead elsewhere, so any address will do.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.errors import Refusal, problem
from gilfoyle.config import ServerSettings
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
        self._names.add(server.host.lower().rstrip("."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._checks:
            asked = Headers(scope=scope).get("host", "")
            if asked and not self._is_ours(host_of(asked)):
                error = Misdirected(f"This server is not {asked[:100]}: if it is, name it in server.allowed_hosts.")
                return await Refusal(problem(error))(scope, receive, send)
        return await self._app(scope, receive, send)

    def _is_ours(self, host: str | None) -> bool:
        return host is not None and (host in self._names or _is_local_name(host) or _is_address(host))


def host_of(header: str) -> str | None:
    """The host of a Host header: lower case, without its port and an IPv6 address's brackets. None if there is none."""
    match = _HOST.fullmatch(header)
    return ((match["literal"] or match["name"] or "").lower().rstrip(".") or None) if match else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    return _is_local_name(host.lower()) or (_is_address(host) and ip_address(host).is_loopback)


def _is_local_name(host: str) -> bool:
    """Names that never leave this machine (RFC 6761, 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
