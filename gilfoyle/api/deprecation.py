"""Routes that will go: marked here, told with each of their answers, and in the API's description.

`@deprecated(since=…, sunset=…, instead="/v1/…")` on the function of a route is all that it takes. docs/api.md says what
is promised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gilfoyle.api.addresses import Addresses
from gilfoyle.config import ServerSettings

F = TypeVar("F", bound=Callable[..., Any])

LEAST = timedelta(days=365)
"""What is deprecated stays for so long, at least."""
_DOCS = "docs"
_known: dict[Callable[..., Any], Deprecation] = {}


@dataclass(frozen=True)
class Deprecation:
    """Since when a route is deprecated, when it goes, and what to use in its place."""

    since: date
    sunset: date
    instead: str
    """A path of the API, such as `/v1/medias/{media_id}/source`."""

    def headers(self, base_url: str) -> dict[str, str]:
        """RFC 9745 (Deprecation), RFC 8594 (Sunset), and where to read on (RFC 5829 for the successor)."""
        return {
            "Deprecation": f"@{int(_midnight(self.since).timestamp())}",
            "Sunset": format_datetime(_midnight(self.sunset), usegmt=True),
            "Link": f'<{base_url}/{_DOCS}>; rel="deprecation", <{base_url}{self.instead}>; rel="successor-version"',
        }


def deprecated(*, since: date, sunset: date, instead: str) -> Callable[[F], F]:
    """Marks the function of a route. Raises ValueError if it would go too soon."""
    if sunset - since < LEAST:
        raise ValueError(f"A route stays for {LEAST.days} days once it is deprecated: {sunset} is too soon.")

    def mark(endpoint: F) -> F:
        _known[endpoint] = Deprecation(since, sunset, instead)
        return endpoint

    return mark


class TellDeprecated:
    """Middleware: the headers of a deprecated route are in all of its answers, errors too."""

    def __init__(self, app: ASGIApp, server: ServerSettings) -> None:
        self._app = app
        self._addresses = Addresses(server)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _known:
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            found = _known.get(getattr(scope.get("route"), "endpoint", None))  # type: ignore[arg-type]
            if found is not None and message["type"] == "http.response.start":
                more = found.headers(self._addresses.base_url(scope)).items()
                headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in more]
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        await self._app(scope, receive, told)


def describe(app: FastAPI) -> None:
    """Mark them in the API's description, with their headers."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        found = described()
        # Here, and only if there are any: to go through the routes takes FastAPI as long as all else of a start.
        contexts = iter_route_contexts(app.routes) if _known else ()
        gone = {
            str(context.original_route.operation_id): _known[context.endpoint]
            for context in contexts
            if isinstance(context.original_route, APIRoute) and context.endpoint in _known
        }
        for operation in (each for operations in found["paths"].values() for each in operations.values()):
            if (known := gone.get(operation.get("operationId", ""))) is None:
                continue
            operation["deprecated"] = True
            for answer in operation["responses"].values():
                answer.setdefault("headers", {}).update(dict.fromkeys(known.headers(""), _HEADER))
        return found

    app.openapi = openapi  # type: ignore[method-assign]


_HEADER = {"schema": {"type": "string"}, "description": "this operation is deprecated"}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
