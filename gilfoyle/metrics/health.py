"""Whether a worker lives and takes work, told on the port that Prometheus reads: what an orchestrator asks.

`GET /healthz` is 503 once the worker's event loop has stood still for a minute. `GET /readyz` is 503 until the worker
has begun to ask for work, and again from when it was asked to stop; below that it says what ffmpeg can reach. Of other
processes it says nothing (404): the API has both on its own port.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from gilfoyle.metrics.instruments import DRAINING

STANDSTILL_S = 60.0
"""After so long without a turn of its event loop a worker is taken for dead (seconds)."""
_BEAT_S = 1.0


class State(StrEnum):
    """What a worker does."""

    STARTING = "starting"
    WORKING = "working"
    DRAINING = "draining"


class Health:
    """Of this process. It is told in the worker's event loop, and read by threads that answer."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._remarks: list[str] = []
        self._beaten = time.monotonic()

    async def keep(self) -> None:
        """Show that the event loop turns, until cancelled."""
        while True:
            self._beaten = time.monotonic()
            await asyncio.sleep(_BEAT_S)

    def enter(self, state: State) -> None:
        """From now on the worker does that."""
        self._state = state
        DRAINING.set(state is State.DRAINING)

    def remark(self, sentence: str) -> None:
        """Something about this worker that people who look at its readiness want to know."""
        self._remarks.append(sentence)

    def healthz(self) -> tuple[HTTPStatus, str]:
        """Whether the worker lives."""
        if self._state is None:
            return HTTPStatus.NOT_FOUND, "no worker"
        silent_s = time.monotonic() - self._beaten
        if silent_s > STANDSTILL_S:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"its event loop has stood still for {silent_s:.0f} s"
        return HTTPStatus.OK, "ok"

    def readyz(self) -> tuple[HTTPStatus, str]:
        """Whether the worker takes work."""
        if self._state is None:
            return HTTPStatus.NOT_FOUND, "no worker"
        ready = self._state is State.WORKING
        told = "\n".join([self._state, *self._remarks])
        return HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, told

    def beside(self, metrics: WSGIApplication) -> WSGIApplication:
        """The application of the port: `metrics` at /metrics, and these two."""
        told: dict[str, Callable[[], tuple[HTTPStatus, str]]] = {"/healthz": self.healthz, "/readyz": self.readyz}

        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path == "/metrics":
                return metrics(environ, start_response)
            status, text = told[path]() if path in told else (HTTPStatus.NOT_FOUND, "no such path")
            body = f"{text}\n".encode()
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

        return answer


HEALTH = Health()
