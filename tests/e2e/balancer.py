"""A load balancer that gives each connection to the next server, and fails connections when it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from socketserver import BaseRequestHandler, ThreadingTCPServer

from tests.reverse_proxy import serving

_PIECE = 1 << 16
_PATIENCE_S = 60


class Balancer:
    """Round robin over the ports; those that nobody listens at are passed over."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turns = count()
        self._lock = threading.Lock()
        self._events: list[tuple[int, Callable[[], None] | None]] = []
        self._begun: set[socket.socket] = set()
        self.sent = 0
        """Bytes that clients have sent."""
        self.happened = 0
        """Events that have come to pass."""

    def plan(self, events: dict[int, Callable[[], None] | None]) -> None:
        """What is to happen once clients have sent so many bytes: a call; None: all connections are cut."""
        with self._lock:
            self._events = sorted(events.items(), key=lambda event: event[0])
            self.sent = self.happened = 0

    def connect(self) -> socket.socket:
        """A connection to the next server. Raises OSError if there is none."""
        turn = next(self._turns)
        for number in range(len(self._ports)):
            port = self._ports[(turn + number) % len(self._ports)]
            with suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        raise ConnectionRefusedError

    def note(self, size: int) -> None:
        """Bytes of a client have passed."""
        with self._lock:
            self.sent += size
            if not self._events or self._events[0][0] > self.sent:
                return
            _at, event = self._events.pop(0)
            self.happened += 1
            cut = [] if event else [*self._begun]
        if event:
            threading.Thread(target=event).start()
        for connection in cut:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def known(self, *connections: socket.socket) -> Iterator[None]:
        with self._lock:
            self._begun.update(connections)
        try:
            yield
        finally:
            with self._lock:
                self._begun.difference_update(connections)


@contextmanager
def balancing(ports: Sequence[int]) -> Iterator[tuple[str, Balancer]]:
    """The address at which it answers, and itself."""
    balancer = Balancer(ports)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), balancer.connect() as server, balancer.known(self.request, server):
                back = threading.Thread(target=_pump, args=(server, self.request, lambda size: None))
                back.start()
                _pump(self.request, server, balancer.note)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as listening, serving(listening):
        yield f"http://127.0.0.1:{listening.server_address[1]}", balancer


def _pump(source: socket.socket, target: socket.socket, note: Callable[[int], None]) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
            note(len(piece))
    for connection in (source, target):
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
