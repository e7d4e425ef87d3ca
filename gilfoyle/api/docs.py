"""The API's description, and pages to read and try it.

From files of its own, since a server in a closed network has no CDN to load them from, and by relative addresses, so
that the pages work under any path that a proxy puts before it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from gilfoyle.api.browsers import PAGE_POLICY
from gilfoyle.api.services import BaseUrl

_ASSETS = "static-docs"
router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Add the routes, and what the pages load."""
    app.include_router(router)
    app.mount(f"/{_ASSETS}", StaticFiles(directory=Path(fastapi_offline.__file__).with_name("static")))


def describe(app: FastAPI, *, asks_for_keys: bool) -> None:
    """Add what FastAPI leaves out of its description: that an operation needs no key, and the nulls of examples.

    It removes what is null, be it all that an example shows. `asks_for_keys`: this server does; else it takes them, and
    requests without one.
    """
    described = app.openapi
    whole: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        nonlocal whole
        found = described()
        if found is not whole:
            for paths in (found["paths"], found["webhooks"]):
                for operation in (each for operations in paths.values() for each in operations.values()):
                    needed = operation.setdefault("security", [])
                    if needed and not asks_for_keys:
                        needed.append({})  # OpenAPI 3.1, 4.8.10: it may be left out
            schemas = found["components"]["schemas"]
            for model in _subclasses(BaseModel):
                extra = model.model_config.get("json_schema_extra")
                if isinstance(extra, dict) and "examples" in extra and model.__name__ in schemas:
                    schemas[model.__name__]["examples"] = extra["examples"]
            whole = found
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from _subclasses(each)


@router.get("/openapi.json")
async def openapi(request: Request, base_url: BaseUrl) -> JSONResponse:
    """As the client reaches the API: with the proxy's name and path, if there is one."""
    return JSONResponse({**request.app.openapi(), "servers": [{"url": base_url}]})


@router.get("/docs")
async def swagger(request: Request, base_url: BaseUrl) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=request.app.title,
        swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{_ASSETS}/favicon.png",
    )
    return _guarded(page, base_url)


@router.get("/redoc")
async def redoc(request: Request, base_url: BaseUrl) -> HTMLResponse:
    page = get_redoc_html(
        openapi_url="openapi.json",
        title=request.app.title,
        redoc_js_url=f"{_ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{_ASSETS}/favicon.png",
        with_google_fonts=False,
    )
    return _guarded(page, base_url)


def _guarded(page: HTMLResponse, base_url: str) -> HTMLResponse:
    """The page, with a policy: its own scripts alone, and requests to this API alone, by whichever name.

    FastAPI writes a script into the page, which is allowed by its hash. Both pages make styles as they run, Swagger
    has pictures in its styles, and ReDoc searches in a worker.
    """
    scripts = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    )
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"font-src 'self' data:; worker-src blob:; connect-src 'self' {{0.scheme}}://{{0.netloc}}; {PAGE_POLICY}"
    ).format(urlsplit(base_url))
    return page
