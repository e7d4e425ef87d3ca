"""Requests to addresses that others have chosen: a webhook's, or that of a file to import.

Only http and https, only to public addresses and those of `net.allow` (net/connecting.py), without the proxies of the
environment. Redirects are followed where that is asked for, five at most, and each is checked as the first was.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from types import TracebackType

import httpcore2
import httpx2

from gilfoyle.errors import FetchFailed, InvalidRequest, TooLarge
from gilfoyle.net.addresses import Allowed
from gilfoyle.net.connecting import REFUSED, Guard, Resolver, resolve

MOST_REDIRECTS = 5
SILENCE_S = 30.0
"""The longest that a server may say nothing (seconds)."""
CONNECT_S = 10.0
_MOST_URL = 2048
_PORTS = {"http": 80, "https": 443}
# What another server than the one that was named may be told.
_HARMLESS = {"accept", "accept-encoding", "if-range", "range", "user-agent"}


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """Its first bytes."""

    @property
    def redirects_to(self) -> str | None:
        return self.headers.get("location") if 300 <= self.status < 400 else None


class Fetcher:
    """An HTTP client for URLs that others have chosen. Close it when done."""

    def __init__(
        self, allow: list[str] | None = None, resolver: Resolver = resolve, silence_s: float = SILENCE_S
    ) -> None:
        """`allow`: networks and host names besides what is public, as `net.allow` has them.

        `silence_s`: the longest that a server may say nothing (seconds).
        """
        self._guard = Guard(Allowed(allow or []), resolver)
        self._client = httpx2.AsyncClient(
            transport=_Transport(self._guard),
            timeout=httpx2.Timeout(silence_s, connect=min(silence_s, CONNECT_S)),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "Gilfoyle"},
        )

    async def check(self, url: str) -> None:
        """Raises InvalidRequest (`url_refused`) if a URL may not be fetched, FetchFailed if its host is not found."""
        parsed = parse(url)
        await self._guard.addresses(parsed.raw_host.decode("ascii"), parsed.port or _PORTS[parsed.scheme])

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        timeout_s: float,
        most_bytes: int,
    ) -> Answer:
        """One request, without following redirects; of the answer's body, the first `most_bytes` are read.

        Raises InvalidRequest (`url_refused`), FetchFailed.
        """
        target = parse(url)
        plain = {**headers, "Accept-Encoding": "identity"}
        with _translated(target):
            async with asyncio.timeout(timeout_s):
                request = self._client.build_request(method, target, headers=plain, content=content)
                response = await self._client.send(request, stream=True)
                try:
                    body = await _first(response, most_bytes)
                finally:
                    await response.aclose()
        return Answer(response.status_code, response.headers, body)

    @asynccontextmanager
    async def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, redirects: int = MOST_REDIRECTS
    ) -> AsyncIterator[httpx2.Response]:
        """The answer to a GET, until the end of the block: read its body with `body`.

        `headers` other than harmless ones are told to no other server than the first. Raises InvalidRequest
        (`url_refused`), FetchFailed; an answer of any status is returned.
        """
        told = {"Accept-Encoding": "identity", **(headers or {})}
        response = await self._get(parse(url), told, redirects)
        try:
            yield response
        finally:
            await response.aclose()

    async def _get(self, target: httpx2.URL, headers: Mapping[str, str], redirects: int) -> httpx2.Response:
        for _ in range(redirects + 1):
            with _translated(target):
                response = await self._client.send(
                    self._client.build_request("GET", target, headers=headers), stream=True
                )
            if not response.has_redirect_location:
                return response
            await response.aclose()
            following = _joined(target, response.headers["location"])
            if _origin(following) != _origin(target):
                headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS}
            target = following
        raise InvalidRequest(
            f"{target.host} redirects once more, after {redirects} redirects.",
            code=REFUSED,
            fields={"url": f"redirects more than {redirects} times"},
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        await self.aclose()


async def body(response: httpx2.Response, most_bytes: int) -> AsyncIterator[bytes]:
    """An answer's body, as it was sent. Raises TooLarge if there is more of it, FetchFailed if it breaks off."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise TooLarge(f"{response.url.host} sends {length} bytes: more than the {most_bytes} that are allowed.")
    received = 0
    with _translated(response.url):
        async for chunk in response.aiter_raw():
            received += len(chunk)
            if received > most_bytes:
                raise TooLarge(f"{response.url.host} sends more than the {most_bytes} bytes that are allowed.")
            yield chunk


def parse(url: str) -> httpx2.URL:
    """The URL, if it is one that may be fetched. Raises InvalidRequest (`url_refused`)."""
    try:
        parsed = httpx2.URL(url)
        parsed.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, ValueError) as error:
        raise _refusal("is not a URL that can be read") from error
    if len(url) > _MOST_URL:
        raise _refusal(f"is longer than {_MOST_URL} characters")
    if parsed.scheme not in _PORTS:
        raise _refusal("must begin with http:// or https://")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise _refusal("has a port that there is not")
    if not parsed.raw_host:
        raise _refusal("names no host")
    if parsed.userinfo or "\\" in url or "@" in parsed.netloc.decode("ascii"):
        raise _refusal("must not hold a user or a password, nor a backslash")
    return parsed


def _joined(url: httpx2.URL, place: str) -> httpx2.URL:
    """Where a redirect leads. Raises InvalidRequest."""
    try:
        return parse(str(url.join(place)))
    except httpx2.InvalidURL as error:
        raise _refusal("redirects to what is not a URL that can be read") from error


def _refusal(why: str) -> InvalidRequest:
    return InvalidRequest(f"The URL {why}.", code=REFUSED, fields={"url": why})


def _origin(url: httpx2.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, url.port or _PORTS[url.scheme]


async def _first(response: httpx2.Response, most_bytes: int) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) >= most_bytes:
            break
    return bytes(found[:most_bytes])


@contextmanager
def _translated(url: httpx2.URL) -> Iterator[None]:
    """Turn what the client says into FetchFailed."""
    host = url.host[:200]
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise FetchFailed(f"{host} did not answer in time.") from error
    except httpx2.HTTPError as error:
        why = str(error)[:200].rstrip(". ") or type(error).__name__
        raise FetchFailed(f"{host} can't be reached: {why}.") from error


@cache
def _certificates() -> ssl.SSLContext:
    """The system's, which take a while to read."""
    return httpx2.create_ssl_context(trust_env=False)


class _Transport(httpx2.AsyncHTTPTransport):
    """httpx2's own, with connections that the guard makes."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(verify=_certificates(), trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=_certificates(), network_backend=guard)
