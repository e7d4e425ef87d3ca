"""How much one client may ask for: requests each second by a token bucket, and requests at a time.

Streams of events, which stay open for days, count apart: a hundred dashboards keep nobody from asking for something.

A client is an API key, and an address: each has a bucket of its own, in each process. What players fetch is not
limited, for a thousand of them may share an address.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.addresses import Addresses, app_path
from gilfoyle.api.errors import Refusal, problem
from gilfoyle.api.event_stream import wants_stream
from gilfoyle.config import LimitSettings, ServerSettings
from gilfoyle.errors import TooManyRequests

_STREAM_PAUSE_S = 10
_MOST_CLIENTS = 10_000
"""Those who have been silent longest are forgotten then: their buckets are full again."""
_LIMITED = "/v1/"
_EVENTS = re.compile(r"/v1/(medias/[^/]+/)?events")


@dataclass
class _Client:
    tokens: float
    since: float
    running: int = 0
    streaming: int = 0


class Buckets:
    """What each client has left."""

    def __init__(self, limits: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst = limits.requests_per_s, limits.burst
        self._at_once, self._streams_at_once = limits.requests_at_once, limits.event_streams_at_once
        self._clock = clock
        self._clients: OrderedDict[str, _Client] = OrderedDict()

    @property
    def limit(self) -> bool:
        """Whether anything is limited at all."""
        return bool(self._rate or self._at_once or self._streams_at_once)

    def enter(self, names: list[str], *, stream: bool = False) -> None:
        """A request of those clients begins; `stream`: for events, as a stream.

        Raises TooManyRequests, and then it counts for none of them.
        """
        clients = [self._client(name) for name in names]
        if stream and self._streams_at_once:
            if any(client.streaming >= self._streams_at_once for client in clients):
                sentence = f"More than {self._streams_at_once} streams of events at a time: close one."
                raise TooManyRequests(sentence, _STREAM_PAUSE_S)
        elif not stream and self._at_once and any(client.running >= self._at_once for client in clients):
            raise TooManyRequests(f"More than {self._at_once} requests at a time: wait until one is answered.", 1)
        least = min(client.tokens for client in clients)
        if self._rate and least < 1:
            wait = math.ceil((1 - least) / self._rate)
            raise TooManyRequests(f"More than {self._rate:g} requests a second: ask again in {wait} s.", wait)
        for client in clients:
            client.tokens -= 1
            client.running += not stream
            client.streaming += stream

    def leave(self, names: list[str], *, stream: bool = False) -> None:
        """It is answered."""
        for name in names:
            if client := self._clients.get(name):
                client.running = max(0, client.running - (not stream))
                client.streaming = max(0, client.streaming - stream)

    def _client(self, name: str) -> _Client:
        """With what its bucket has now."""
        now = self._clock()
        client = self._clients.setdefault(name, _Client(self._burst, now))
        self._clients.move_to_end(name)
        client.tokens = min(self._burst, client.tokens + (now - client.since) * self._rate)
        client.since = now
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return client


class LimitRequests:
    """Middleware: what is too much is answered 429, with the time after which it is not."""

    def __init__(self, app: ASGIApp, server: ServerSettings, limits: LimitSettings) -> None:
        self._app = app
        self._addresses = Addresses(server)
        self._buckets = Buckets(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._buckets.limit or not app_path(scope).startswith(_LIMITED):
            await self._app(scope, receive, send)
            return
        names, stream = self._names(scope), _is_stream(scope)
        try:
            self._buckets.enter(names, stream=stream)
        except TooManyRequests as error:
            await Refusal(problem(error))(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._buckets.leave(names, stream=stream)

    def _names(self, scope: Scope) -> list[str]:
        """The address, and the key if there is one: not as it is, for it is a secret."""
        names = [f"address {self._addresses.client(scope)}"]
        if key := Headers(scope=scope).get("authorization", ""):
            names.append(f"key {hashlib.sha256(key.encode('latin-1', 'replace')).hexdigest()}")
        return names


def _is_stream(scope: Scope) -> bool:
    accepted = Headers(scope=scope).get("accept", "")
    return wants_stream(accepted) and _EVENTS.fullmatch(app_path(scope)) is not None
