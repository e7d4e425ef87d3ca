"""A web server of one folder that answers range requests, as object stores and gateways do, and notes what it sent."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

_PIECE = 1 << 16
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


@dataclass
class Served:
    """One request: the first byte that was asked for, and how many bytes of the body were taken."""

    path: str
    start: int
    sent: int = 0


class RangeServer:
    """Serves the files below `root` on a free loopback port; a query is ignored, as that of a presigned URL is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.served: list[Served] = []
        self.status: int | None = None
        """Answer every request with this status instead."""
        self.moved: str | None = None
        """Send every request on to the same path below this URL."""
        self.page: bytes | None = None
        """Answer every request with this page, and status 200."""
        outer = self

        class Handler(_Handler):
            ours = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sent(self) -> int:
        """Bytes of bodies that were taken, in all."""
        return sum(each.sent for each in self.served)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ours: RangeServer

    def do_GET(self) -> None:
        if self.ours.page is not None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.ours.page)))
            self.end_headers()
            self.wfile.write(self.ours.page)
            return
        path = self.ours.root / urlsplit(self.path).path.lstrip("/")
        if self.ours.status or not path.is_file():
            self.send_error(self.ours.status or 404)
            return
        if self.ours.moved:
            self.send_response(307)
            self.send_header("Location", self.ours.moved + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        asked = _RANGE.match(self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1, size) if asked and asked[2] else size
        if start >= size and asked:
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        note = Served(path.name, start)
        self.ours.served.append(note)
        with path.open("rb") as file:
            file.seek(start)
            while note.sent < end - start:
                piece = file.read(min(_PIECE, end - start - note.sent))
                self.wfile.write(piece)
                note.sent += len(piece)

    def setup(self) -> None:
        # Little lies between: what was sent is about what was read.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
        super().setup()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client has had enough
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass
