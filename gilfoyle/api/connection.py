"""A client's connection: uvicorn's HTTP/1.1 on httptools, with bounds on how long a client may take."""

from __future__ import annotations

import asyncio
import heapq
import resource
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gilfoyle.api.browsers import MANAGING
from gilfoyle.api.cycle import EXTENSIONS, Cycle, can_send_files
from gilfoyle.api.errors import refusal
from gilfoyle.api.heads import HEAD_BYTES, Head, Refused, not_http, too_large

HEAD_S = 10.0
"""A request's head must arrive within this time (seconds), and so must the rest of a body that was answered unread."""
LINGER_S = 2.0
READ_BYTES = 128 << 10
"""How much asyncio reads at once: its default is twice as much, kept in several copies while an upload waits."""
MOST_CONNECTIONS = 10_000
_ROOM = 16
"""How many connections are closed at once, so that not every new one must search for the oldest."""


def most_connections() -> int:
    """How many connections may be open: half of the files that this process may have, for each may play one."""
    return min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Connection(HttpToolsProtocol):
    """What uvicorn makes for each connection."""

    cycle: Cycle

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head = Head()
        self._in_body = False
        self._begun = 0  # bytes of a head that is not whole
        self._heard = False
        self._since = self.loop.time()
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._extensions: dict[str, dict[object, object]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        if can_send_files(self.loop, transport):
            self._extensions = EXTENSIONS
        self._deadline = self.loop.call_later(HEAD_S, self._late)
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # reset with something unread, the connection could lose the answer on its way
        self._heard = True
        self._since = self.loop.time()
        self._unset_keepalive_if_required()
        if not self._in_body:
            self._begun += len(data)
        try:
            self._feed(data)
            if self._begun > HEAD_BYTES:
                raise too_large()
        except Refused as refused:
            self._refuse(refused.status, str(refused))
            return
        if not self._owes():
            self._let_go()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self._late)

    def on_message_begin(self) -> None:
        self._head = Head()
        self._begun = self._begun or 1

    def on_url(self, url: bytes) -> None:
        self._head.add_target(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also called for the trailers of a chunked body, which nobody asks for: they are counted."""
        self._head.add_header(name, value)

    def on_headers_complete(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if self.parser.should_upgrade() and method != b"CONNECT":
            return  # `_feed` reads it again, without
        self._head.check(method, version)
        self._in_body, self._begun = True, 0
        path, _, query = self._head.target.partition(b"?")
        self.headers = self._head.headers[:]
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": method.decode("ascii"),
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
            "extensions": self._extensions,
        }
        self._begin_cycle(keep_alive=version != "1.0" and self.parser.should_keep_alive() and method != b"CONNECT")

    def on_message_complete(self) -> None:
        if not self._in_body:
            return  # an upgrade that `_feed` reads again
        self._in_body = False
        super().on_message_complete()

    def _begin_cycle(self, *, keep_alive: bool) -> None:
        """Answer the request, or queue it behind the one that is being answered."""
        before = self.cycle
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=any(
                name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
            ),
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _feed(self, data: bytes) -> None:
        """Parse. Raises Refused."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.parser.get_method() != b"CONNECT":
                self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, Refused):  # raised by a callback
                raise error.__context__ from None
            raise not_http(str(error)) from error

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request again that offers another protocol, without the offer, as RFC 9110, 7.8 lets a server do.

        `curl --http2` makes it, and llhttp takes the body for that protocol. `rest` is what follows the head.
        """
        method, version, head = self.parser.get_method(), self.parser.get_http_version(), self._head
        kept = (each for each in head.headers if each[0] != b"upgrade")
        first = b"%b %b HTTP/%b" % (method, head.target, version.encode())
        lines = [first, *(b"%b: %b" % each for each in kept), b"", b""]
        self.parser = httptools.HttpRequestParser(self)
        self._feed(b"\r\n".join(lines) + rest)

    def _make_room(self) -> None:
        """Close the idle connections that were silent longest, so that no one can keep others out by connecting."""
        others = (one for one in self.connections if isinstance(one, Connection) and one is not self and one._is_idle())
        oldest = heapq.nsmallest(_ROOM, others, key=lambda one: one._since)
        for one in oldest:
            one.transport.close()
        if not oldest:
            self._refuse(503, "The server has as many requests as it can answer. Try again in a moment.")

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _owes(self) -> bool:
        """Whether the client must continue what it has begun, and no handler is waiting for it."""
        if self._refused:
            return False
        return bool(self._begun) or (self._in_body and self.cycle.response_complete)

    def _late(self) -> None:
        self._deadline = None
        if self._heard:
            self._refuse(408, f"The request did not arrive within {HEAD_S:g} seconds.")
        else:
            self.transport.close()

    def _let_go(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer if nothing was answered yet, and close."""
        self._let_go()
        self._unset_keepalive_if_required()
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        unread = self._in_body and self.cycle.response_complete
        if answered or unread or self.pipeline or self.transport.is_closing():
            self.transport.close()
        else:
            self._answer(status, sentence)
            self._deadline = self.loop.call_later(LINGER_S, self.transport.close)

    def _answer(self, status: int, sentence: str) -> None:
        self._refused = True
        if self.cycle is not None:  # its handler may still wait for the rest of a body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = refusal(status, sentence)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
        lines += [b"%b: %b" % header for header in (*answer.raw_headers, *MANAGING)]
        self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", bytes(answer.body)]))
        self.transport.write_eof()
        self.flow.resume_reading()
