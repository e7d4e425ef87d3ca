"""A reverse proxy as one stands before the API: it takes a path off, and says by headers what was asked of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from urllib.parse import urlsplit


@contextmanager
def reverse_proxy(
    to: str, prefix: str = "", headers: Mapping[str, str] | None = None, *, keep_host: bool = False
) -> Iterator[str]:
    """The address at which the proxy answers, with the prefix. `headers`: what it adds, `{port}` being its own."""
    target = urlsplit(to)
    added: dict[str, str] = {}

    class Proxy(BaseHTTPRequestHandler):
        def hand_on(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                return self.send_error(404, "not below the prefix")
            sent = {**self.headers, **added} if keep_host else {**self.headers, **added, "Host": target.netloc}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = HTTPConnection(str(target.hostname), target.port, timeout=60)
            try:
                connection.request(self.command, self.path.removeprefix(prefix), body or None, sent)
                self.give_back(connection)
            finally:
                connection.close()

        def give_back(self, connection: HTTPConnection) -> None:
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "date"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = hand_on

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    added.update({name: value.format(port=server.server_port) for name, value in (headers or {}).items()})
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}{prefix}"


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """Have it answer, in threads, until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
