"""The client against the API's description: every operation can be called, and every answer has a model that fits."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gilfoyle.api.app import create_app
from gilfoyle.client import Gilfoyle, models
from gilfoyle.config import Settings
from gilfoyle.errors import NotFound

# What a player fetches, what an operator looks at, and other ways to send what the client sends by tus.
NOT_CALLED = {
    *("healthz", "readyz", "metricsz", "streamMaster", "streamObject", "watchMedia", "watchState"),
    *("uploadMedia", "uploadMediaAs", "putSource", "sourceOffset", "putUpload", "postUpload", "tusOptions"),
    "addAttachment",
}
# What comes after a first request that is answered well.
LATER = {"patchUpload", "uploadOffset"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def methods(client: Gilfoyle) -> Iterator[Any]:
    """Every public method of every resource."""
    for resource in vars(client).values():
        for name, method in inspect.getmembers(resource, inspect.ismethod):
            if not name.startswith("_"):
                yield method


def test_every_operation_can_be_called(described: dict[str, Any], tmp_path: Path) -> None:
    asked: set[tuple[str, str]] = set()
    file = tmp_path / "film.mp4"
    file.write_bytes(b"film")

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.add((request.method, request.url.path))
        return httpx2.Response(404, json={"code": "not_found", "message": "Not here."})

    client = Gilfoyle("http://server.example", transport=httpx2.MockTransport(answer))
    del client._connection  # the others are resources
    for method in methods(client):
        given = {
            name: file if name in ("path", "file") else b"x" if name == "content" else "x"
            for name, parameter in inspect.signature(method).parameters.items()
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        }
        for more in ({}, {"rendition": "x"} if method.__name__ == "retry" else {"media_id": "x"}):
            if set(more) - set(inspect.signature(method).parameters):
                continue
            with pytest.raises(NotFound):
                found = method(**{**given, **more})
                next(found)
    missing = {
        operation["operationId"]
        for path, operations in described["paths"].items()
        for verb, operation in operations.items()
        if not any(verb.upper() == method and _fits(path, place) for method, place in asked)
    }
    assert missing == NOT_CALLED | LATER


def _fits(path: str, place: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]*\}", "x", path), place) is not None


@pytest.mark.parametrize("name", sorted(name for name, each in vars(models).items() if isinstance(each, type)))
def test_models_have_what_answers_have(name: str, described: dict[str, Any]) -> None:
    model = vars(models)[name]
    if not issubclass(model, models.Model) or model is models.Model:
        return
    schemas = described["components"]["schemas"]
    schema = next(schemas[each] for each in (f"{name}Out", name) if each in schemas)
    assert set(model.model_fields) == set(schema["properties"])
