"""A proxy on the loopback that misbehaves when told to: what an object store does to its clients on a bad day."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, Self

Mode = Literal["pass", "refuse", "hang", "drop", "cut"]
_READ = 1 << 16
_LINGER_S = 2.0
_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.'
    b"</Message><Resource>/</Resource><RequestId>0</RequestId></Error>"
)
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_XML), _XML)
)


class FaultyProxy:
    """Forwards every byte between its own free port and `host:port`, until a fault is asked for.

    It changes nothing in what it forwards, so a signature over the Host header stays valid: let clients sign for
    `url`. A context manager, `with` or `async with`; it lives in a thread of its own, and its faults may be set from
    any thread at any time. They count for connections that are open already, too.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._mode: Mode = "pass"
        self._cut_after, self._cuts_left, self._reset = 0, 0, False
        self._later: tuple[int, Callable[[], None]] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-proxy", daemon=True)
        self._changed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._closing = False
        self.port = 0
        self.connections = 0
        """How many have been accepted, in any mode."""
        self.requests = 0
        """How many HTTP requests have begun on them."""
        self.sent = 0
        """Bytes that clients were sent, heads included."""
        self.cuts = 0
        """How many responses have been cut."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mode(self) -> Mode:
        return self._mode

    def heal(self) -> None:
        """Forward everything again; what hung goes on."""
        self._set("pass")

    def refuse(self) -> None:
        """Each further request gets an S3-like 503 and its connection is closed; responses under way go on."""
        self._set("refuse")

    def hang(self) -> None:
        """Accept and read, but forward nothing: requests get no answer, responses under way stall."""
        self._set("hang")

    def drop(self) -> None:
        """Close every connection, those that are open and each new one."""
        self._set("drop")
        self.sever()

    def cut(self, after_bytes: int, times: int | None = None, *, reset: bool = False) -> None:
        """Close the connection after `after_bytes` bytes of a response's body: each response's, or the next `times`.

        `reset`: rudely (RST), otherwise as if it had ended (FIN).
        """
        self._cut_after, self._reset = after_bytes, reset
        self._cuts_left = -1 if times is None else times
        self._set("cut")

    def later(self, after_bytes: int, fault: Callable[[], None]) -> None:
        """Call `fault` as soon as the body of one response has come so far: a fault amid a read."""
        self._later = (after_bytes, fault)

    def call_later(self, seconds: float, fault: Callable[[], None]) -> None:
        """Call `fault` after a while."""
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, fault)

    def sever(self) -> None:
        """Close the connections that are open now, once."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in list(self._open)])

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = starting.result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.__exit__)

    def _set(self, mode: Mode) -> None:
        def change() -> None:
            self._changed.set()
            self._changed = asyncio.Event()

        self._mode = mode
        self._loop.call_soon_threadsafe(change)

    async def _close(self) -> None:
        self._closing = True
        self._server.close()
        self._changed.set()
        # Not cancelled: one that has not begun would leave its connection open.
        while serving := asyncio.all_tasks() - {asyncio.current_task()}:
            for writer in list(self._open):
                writer.transport.abort()
            await asyncio.wait(serving, timeout=0.1)
        for _ in range(5):  # the loop's own last steps with each socket
            await asyncio.sleep(0)

    async def _part(self, writer: asyncio.StreamWriter) -> None:
        """Close a connection; what was written is still sent, unless the proxy itself is at its end."""
        if self._closing:
            writer.transport.abort()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # Little lies between: what was sent is about what was read.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _READ)
        self._open.add(writer)
        upstream: asyncio.StreamWriter | None = None
        pumps: list[asyncio.Task[None]] = []
        try:
            if self._mode == "drop" or self._closing:
                return writer.transport.abort()
            answers, upstream = await asyncio.open_connection(*self._target)
            talk = _Talk(self, reader, writer)
            pumps = [
                asyncio.create_task(_pump(reader, upstream, talk.on_request)),
                asyncio.create_task(_pump(answers, writer, talk.on_answer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the target is down
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for each in (writer, upstream):
                if each is not None:
                    await self._part(each)
            self._open.discard(writer)

    async def _while_hanging(self) -> None:
        while self._mode == "hang" and not self._closing:
            await self._changed.wait()


class _Talk:
    """One connection: where a response begins, and how much of its body has been sent."""

    def __init__(self, proxy: FaultyProxy, asked: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._proxy, self._asked, self._client = proxy, asked, client
        self._asking = False  # the client has spoken since the last response began
        self._in_head, self._tail, self._body = False, b"", 0

    async def on_request(self, data: bytes) -> bytes | None:
        """What to forward of what the client sent; None ends the connection."""
        await self._proxy._while_hanging()
        if not self._asking:
            self._proxy.requests += 1
        self._asking = True
        if self._proxy.mode != "refuse":
            return data
        self._client.write(_REFUSAL)
        self._proxy.sent += len(_REFUSAL)
        with suppress(OSError, TimeoutError):
            self._client.write_eof()
            # A close with something unread is a reset: the client, still sending, would not see the answer.
            async with asyncio.timeout(_LINGER_S):
                while await self._asked.read(_READ):
                    pass
        return None

    async def on_answer(self, data: bytes) -> bytes | None:
        """What to forward of what the target sent; None ends the connection."""
        await self._proxy._while_hanging()
        if self._asking and data.startswith(b"HTTP/1."):
            self._asking, self._in_head, self._tail, self._body = False, True, b"", 0
        body = len(data)
        if self._in_head:
            head = (self._tail + data).find(b"\r\n\r\n")
            body = 0 if head < 0 else len(data) - (head + 4 - len(self._tail))
            self._in_head, self._tail = head < 0, data[-3:]
        self._body += body
        if self._proxy._later and self._body >= self._proxy._later[0]:
            (_, fault), self._proxy._later = self._proxy._later, None
            fault()
        over = self._body - self._proxy._cut_after
        if self._proxy.mode != "cut" or not self._proxy._cuts_left or over <= 0:
            self._proxy.sent += len(data)
            return data
        self._proxy._cuts_left -= 1
        self._proxy.cuts += 1
        kept = data[: len(data) - min(over, body)]
        self._proxy.sent += len(kept)
        self._client.write(kept)
        with suppress(OSError):
            await self._client.drain()
        if self._proxy._reset:
            self._client.transport.abort()
        return None


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, through: Callable[[bytes], Awaitable[bytes | None]]
) -> None:
    with suppress(OSError):
        while data := await reader.read(_READ):
            kept = await through(data)
            if kept is None:
                return
            writer.write(kept)
            await writer.drain()
