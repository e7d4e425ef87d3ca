"""What a client wants to be answered in (RFC 9110, 12.5.1): refused before anything is done, if it can't be had.

Leniently: no header, `*/*` and `application/*` are JSON, and so is whatever is written in JSON, such as
`application/problem+json`. Errors are JSON in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from gilfoyle.errors import NotAcceptable

_JSON = "application/json"
_ANYTHING = "*/*"
_WITH_CONTENT = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_offered: dict[Callable[..., Any], frozenset[str]] = {}


def require_acceptable(request: Request) -> None:
    """Raises NotAcceptable if the route answers in nothing that the client accepts."""
    if _ANYTHING in request.headers.get("accept", _ANYTHING) or request.method not in _WITH_CONTENT:
        return
    route: APIRoute = request.scope["route"]
    if route.endpoint not in _offered:
        _offered[route.endpoint] = offered(route)
    offers = _offered[route.endpoint]
    if not accepts(",".join(request.headers.getlist("accept")), offers):
        there = " or ".join(sorted(offers))
        raise NotAcceptable(f"This is answered in {there}, and Accept names neither that nor */*.")


def offered(route: APIRoute) -> frozenset[str]:
    """The media types in which the route answers what has gone well; none: it has nothing to say, or anything."""
    found: set[str] = set()
    for status, described in route.responses.items():
        if str(status).startswith("2"):
            found |= set(described.get("content", ()))
    how: Any = getattr(route.response_class, "value", route.response_class)  # a default is wrapped
    if route.status_code != 204 and issubclass(how, JSONResponse):
        found.add(_JSON)
    return frozenset() if _ANYTHING in found else frozenset(found)


def accepts(header: str, offers: frozenset[str]) -> bool:
    """Whether an Accept header allows one of them; of none, always."""
    wanted = [_range(each) for each in header.lower().split(",") if each.strip()]
    ranges = {name for name, weight in wanted if weight > 0}
    if not offers or not wanted or _ANYTHING in ranges:
        return True
    if _JSON in offers and any(name.startswith("application/") and name.endswith("+json") for name in ranges):
        return True
    return any(offer in ranges or f"{offer.partition('/')[0]}/*" in ranges for offer in offers)


def _range(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in item.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 1.0
    return name, 1.0
