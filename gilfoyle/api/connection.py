"""A client's connection: uvicorn's HTTP/1.1, with bounds on how long a client may take for what nobody works on yet."""

from __future__ import annotations

import asyncio
import heapq
import resource
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gilfoyle.api.errors import refusal
from gilfoyle.api.heads import HeadReader

HEAD_S = 10.0
"""A request's head must arrive within so long, and so must the rest of a body that was answered unread (seconds)."""
LINGER_S = 2.0
READ_BYTES = 128 << 10
"""What asyncio reads at once: by itself twice as much, which lies about in several copies while an upload waits."""
MOST_CONNECTIONS = 10_000
_ROOM = 16
"""So many connections are closed at once, so that not each new one has to look for the oldest."""


def most_connections() -> int:
    """How many connections may be open: half of the files that this process may have, for each may play one."""
    return min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Connection(H11Protocol):
    """What uvicorn makes for each connection."""

    conn: HeadReader

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn = HeadReader()
        self._heard = False
        self._since = self.loop.time()
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
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
        super().data_received(data)
        if not self._owes():
            self._let_go()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self._late)

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls this when h11 refuses what arrived; why is said by `conn.refused`."""
        why = self.conn.refused
        self._refuse(why.error_status_hint if why else 400, str(why or msg))

    def _make_room(self) -> None:
        """Close what has been silent longest and has no request, so that nobody can keep others out by connecting."""
        others = (one for one in self.connections if isinstance(one, Connection) and one is not self and one._is_idle())
        oldest = heapq.nsmallest(_ROOM, others, key=lambda one: one._since)
        for one in oldest:
            one.transport.close()
        if not oldest:
            self._refuse(503, "The server has as many requests as it can answer. Try again in a moment.")

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _owes(self) -> bool:
        """Whether the client has begun something that only it can go on with, and that no handler waits for."""
        if self._refused:
            return False
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        return begun or (self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE)

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
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            self._answer(status, sentence)
            self._deadline = self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def _answer(self, status: int, sentence: str) -> None:
        self._refused = True
        if self.cycle is not None:  # its handler may still wait for the rest of a body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = refusal(status, sentence)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        reason = HTTPStatus(status).phrase.encode()
        for event in (
            h11.Response(status_code=status, headers=headers, reason=reason),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.write_eof()
        self.flow.resume_reading()
