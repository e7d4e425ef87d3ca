"""Connections to hosts that others have named: never into a network that is not public.

The check is made where the connection is: a name is resolved once, every address that it has must be allowed, and one
of these very addresses is connected to. So a name that leads elsewhere a moment later (DNS rebinding) gains nothing,
and it does not matter in which form an address is written.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address

import httpcore2

from gilfoyle.errors import FetchFailed, InvalidRequest
from gilfoyle.net.addresses import Address, Allowed, literal

RESOLVE_S = 10.0
REFUSED = "url_refused"

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]


async def resolve(host: str, port: int) -> Sequence[Address]:
    """All addresses of a host, as the system finds them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [*dict.fromkeys(ip_address(entry[4][0]) for entry in found)]


class Guard(httpcore2.AsyncNetworkBackend):
    """Makes the connections of an HTTP client."""

    def __init__(self, allowed: Allowed, resolver: Resolver = resolve) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._backend = httpcore2.AnyIOBackend()

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of a host that may be connected to.

        Raises InvalidRequest (`url_refused`) if any is not public; FetchFailed if there is none.
        """
        found = await self._find(host, port)
        if not self._allowed.has_name(host) and not all(map(self._allowed.has_address, found)):
            raise InvalidRequest(
                f"{host[:200]} leads into a network that is not public: name it in net.allow if that is meant.",
                code=REFUSED,
                fields={"url": "leads into a network that is not public"},
            )
        return found

    async def _find(self, host: str, port: int) -> Sequence[Address]:
        if written := literal(host):
            return [written]
        try:
            async with asyncio.timeout(RESOLVE_S):
                found = await self._resolver(host, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise FetchFailed(f"There is no address for {host[:200]}.") from error
        if not found:
            raise FetchFailed(f"There is no address for {host[:200]}.")
        return found

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        *others, last = await self.addresses(host, port)
        for address in others:
            try:
                return await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(str(last), port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise InvalidRequest("Nothing but hosts is connected to.", code="url_refused")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
