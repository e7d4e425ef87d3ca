"""The port on which Prometheus reads a process, and an orchestrator asks how a worker does."""

from __future__ import annotations

import errno
import logging
import os
import threading
from contextlib import suppress
from typing import Self

from prometheus_client import make_wsgi_app, start_http_server

from gilfoyle.metrics.health import HEALTH
from gilfoyle.metrics.instruments import REGISTRY

log = logging.getLogger(__name__)

RETRY_S = 15.0
"""A port that is taken is tried again after so long (seconds): a process that is replaced may be about to end."""


class MetricsServer:
    """Answers `GET /metrics`, `/healthz` and `/readyz` in threads of its own, so also while the process is busy.

    It never ends the process. A port that is taken is told of once, and tried again until `close`.
    """

    def __init__(self, host: str, port: int, *, retry_s: float = RETRY_S) -> None:
        """`port` 0: any free one, which the log names."""
        self._host, self._port, self._retry_s = host, port, retry_s
        self._closed = threading.Event()
        self.url = ""
        """Where it answers; empty: not yet."""
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        told = False
        while not self._closed.is_set():
            try:
                server, thread = start_http_server(self._port, self._host, REGISTRY)
            except OSError as error:
                if not told:
                    log.warning("%s", self._sentence(error))
                    told = True
                self._closed.wait(self._retry_s)
                continue
            server.set_app(HEALTH.beside(make_wsgi_app(REGISTRY)))
            host = f"[{self._host}]" if ":" in self._host else self._host
            self.url = f"http://{host}:{server.server_address[1]}/metrics"
            log.info("metrics are at %s", self.url)
            self._closed.wait()
            with suppress(OSError):
                server.shutdown()
                server.server_close()
            thread.join()
            return

    def _sentence(self, error: OSError) -> str:
        what = f"Port {self._port} of {self._host} can't be had for metrics ({os.strerror(error.errno or 0)})"
        if error.errno == errno.EADDRINUSE:
            what = f"Port {self._port} of {self._host} for metrics is taken"
        return (
            f"{what}: this process works, and nobody can read its metrics until it gets the port. Of several "
            "processes on a machine, give each a port of its own by GILFOYLE_METRICS__PORT."
        )
