"""What Prometheus reads: requests, their durations, and medias by status."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Up to the time that a long upload or a whole film takes.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)


class Metrics:
    """One registry per app, so that two of them in one process don't mix."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("gilfoyle_requests", "Requests answered", labels, registry=self._registry)
        self._durations = Histogram(
            "gilfoyle_request_seconds",
            "Time until an answer was sent whole",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._medias = Gauge("gilfoyle_medias", "Medias in the catalog", ("status",), registry=self._registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = method, route, status
        found = self._known.get(key)
        if found is None:  # to look a label up takes longer than to count
            found = self._requests.labels(method, route, str(status)), self._durations.labels(method, route)
            self._known[key] = found
        requests, durations = found
        requests.inc()
        durations.observe(seconds)

    def text(self, medias: Mapping[str, int]) -> bytes:
        """Prometheus' text format, with the counts of medias by status."""
        for status, count in medias.items():
            self._medias.labels(status).set(count)
        return generate_latest(self._registry)


class MeasureRequests:
    """Middleware that counts and times. A route is labelled by its template, never by what clients made up."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if route != "other" else "other"
            self._metrics.observe(method, route, status, time.perf_counter() - start)
