"""The address at which clients reach the API: its own, or that of a proxy, whose name and path only the proxy knows.

It is `server.public_url`, if that is set. Else it is what a trusted proxy says about the original request
(X-Forwarded-Proto, -Host and -Prefix, as Traefik sends them and others can be told to), else by the request itself.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from gilfoyle.config import ServerSettings

_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
# Segments of a path (RFC 3986, 3.3) without a comma, which stands between the prefixes of several proxies.
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~!$&'()*+;=:@%-]+)*")
_MOST_CHARS = 500
_MOST_PEERS = 10_000
_NOTHING = Headers()


class Addresses:
    """What the settings say about it."""

    def __init__(self, server: ServerSettings) -> None:
        self._public_url = server.public_url
        self._anyone = "*" in server.trusted_proxies
        self._trusted = [ip_network(each, strict=False) for each in server.trusted_proxies if each != "*"]
        self._known: dict[str, bool] = {}

    def base_url(self, scope: Scope) -> str:
        """The API's URL as this client reaches it, without a slash at its end."""
        if self._public_url:
            return self._public_url
        said = self._said(scope)
        if not said.raw and (host := _own_host(scope)):  # nobody is before us, or is believed to be
            return f"{scope['scheme']}://{host}{_own_path(scope)}"
        own = HTTPConnection(scope).base_url
        scheme, prefix = _first(said, "x-forwarded-proto").lower(), _prefix(said)
        if scheme not in ("http", "https"):
            scheme = own.scheme
        return f"{scheme}://{_host(said) or own.netloc}{prefix or own.path.rstrip('/')}"

    def hosts(self, scope: Scope) -> set[str]:
        """The hosts, with their ports if given, that the client may use for this server."""
        public = self._public_url.partition("://")[2].partition("/")[0]
        found = (Headers(scope=scope).get("host", ""), _host(self._said(scope)), public)
        return {host.lower() for host in found if host}

    def client(self, scope: Scope) -> str:
        """The client's address: the peer's; if that is a trusted proxy, what it says (X-Forwarded-For), and so on."""
        peer = scope.get("client")
        address = str(peer[0]) if peer else ""
        for before in reversed(",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")):
            if not self._trusts(address) or not before.strip():
                break
            address = before.strip()
        return address

    def _said(self, scope: Scope) -> Headers:
        """The headers if they are of a proxy that is trusted; else none."""
        if not any(name.startswith(b"x-forwarded-") for name, _value in scope["headers"]):
            return _NOTHING
        client = scope.get("client")
        return Headers(scope=scope) if client and self._trusts(client[0]) else _NOTHING

    def _trusts(self, peer: str) -> bool:
        if self._anyone:
            return True
        trusted = self._known.get(peer)
        if trusted is None:
            if len(self._known) >= _MOST_PEERS:
                self._known.clear()
            trusted = self._known[peer] = self._is_trusted(peer)
        return trusted

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in network for network in self._trusted)


def app_path(scope: Scope) -> str:
    """The path below the one at which the application is mounted (ASGI's `root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _own_host(scope: Scope) -> str:
    """The request's Host, if it is plainly one."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return host if _HOST.fullmatch(host) else ""


def _own_path(scope: Scope) -> str:
    return str(scope.get("app_root_path", scope.get("root_path", ""))).rstrip("/")


def _host(said: Headers) -> str:
    host = _first(said, "x-forwarded-host")
    return host if _HOST.fullmatch(host) else ""


def _prefix(said: Headers) -> str:
    """The prefixes of all proxies on the way, the first proxy's first."""
    parts = ",".join(said.getlist("x-forwarded-prefix")).split(",")
    prefix = "".join(part.strip().rstrip("/") for part in parts)
    return prefix if len(prefix) <= _MOST_CHARS and _PREFIX.fullmatch(prefix) else ""


def _first(said: Headers, name: str) -> str:
    """The first of several values: the first proxy knows what the client asked for."""
    return said.get(name, "").partition(",")[0].strip()
