"""Requests as traces show them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle import traces

# Asked for all the time, and nothing follows from it.
_UNTOLD = ("/stream/", "/static/", "/healthz", "/readyz", "/metricsz")


class TraceRequests:
    """Middleware: a span for each request, below that of whoever sent it a `traceparent` (W3C Trace Context)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNTOLD):
            return await self._app(scope, receive, send)
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with traces.span(scope["method"], "server", carrier) as span:
            if span is None:
                return await self._app(scope, receive, send)

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            span.set_attribute("http.request.method", scope["method"])
            try:
                await self._app(scope, receive, watched)
            finally:
                if route := getattr(scope.get("route"), "path", ""):
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
