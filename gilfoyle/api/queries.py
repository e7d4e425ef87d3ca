"""Parameters in the URL that a route does not have are refused, as unknown fields of a body are: they may be typos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute

from gilfoyle.errors import InvalidRequest


@dataclass(frozen=True)
class _Known:
    names: frozenset[str]
    """`limit`"""
    objects: tuple[str, ...]
    """`metadata[`, of parameters that are objects (OpenAPI's deepObject)."""

    def __contains__(self, name: str) -> bool:
        return name in self.names or (name.startswith(self.objects) and name.endswith("]"))


class KnownParameters:
    """A dependency of routes. What each of them takes is looked up once."""

    def __init__(self) -> None:
        self._known: dict[Callable[..., Any], _Known] = {}

    async def __call__(self, request: Request) -> None:
        """Raises InvalidRequest."""
        if not request.scope["query_string"]:
            return
        route: APIRoute = request.scope["route"]
        known = self._known.get(route.endpoint)
        if known is None:
            known = self._known[route.endpoint] = _known(route)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            raise _refusal(unknown, known)


def _known(route: APIRoute) -> _Known:
    ours = (route.openapi_extra or {}).get("parameters", [])
    objects = tuple(f"{each['name']}[" for each in ours if each.get("style") == "deepObject")
    fields = get_flat_params(route.dependant)
    return _Known(frozenset(each.alias for each in fields if isinstance(each.field_info, QueryParameter)), objects)


def _refusal(unknown: list[str], known: _Known) -> InvalidRequest:
    said = unknown[0][:100]
    close = get_close_matches(said, known.names, 1)
    there = ", ".join(sorted(known.names)) or "none"
    hint = f"did you mean {close[0]}?" if close else f"there are: {there}."
    fields = {name[:100]: "is not known here" for name in unknown[:20]}
    return InvalidRequest(f"There is no parameter {said}; {hint}", code="unknown_parameter", fields=fields)
