"""What each kind of answer tells a browser that it may do with it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from gilfoyle.api.app import create_app
from gilfoyle.catalog import Catalog
from gilfoyle.config import Settings
from gilfoyle.storage import FilesystemStorage, keys
from tests.integration.api.conftest import playable

NO_FRAMES = "frame-ancestors 'none'"


@pytest.fixture
async def played(catalog: Catalog, storage: FilesystemStorage) -> str:
    """The playback id of a media that plays."""
    return (await catalog.playback.of(await playable(catalog, storage)))[0]


def check(path: str, headers: Mapping[str, str]) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff", path
    assert "Server" not in headers, path
    names = [name.lower() for name in headers]
    assert len(names) == len(set(names)), path


async def of(client: httpx.AsyncClient, path: str, method: str = "GET", **options: object) -> httpx.Response:
    answer = await client.request(method, path, **options)  # type: ignore[arg-type]
    check(path, answer.headers)
    return answer


MANAGING = [
    ("GET", "/", 200),
    ("GET", "/docs", 200),
    ("GET", "/redoc", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/static/watch.js", 200),
    ("GET", "/static-docs/swagger-ui.css", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metricsz", 200),
    ("GET", "/v1/medias", 200),
    ("HEAD", "/v1/medias", 200),
    ("POST", "/v1/medias", 201),
    ("OPTIONS", "/v1/medias", 204),
    ("PUT", "/v1/medias", 405),
    ("GET", "/v1/medias/nonsense", 400),
    ("GET", "/v1/uploads/nonsense", 404),
    ("GET", "/v1/keys", 200),
    ("GET", "/v1/webhooks", 200),
    ("GET", "/internal/playable/nonsense/1", 403),
    ("GET", "/nothing", 404),
]


async def test_what_manages_is_for_itself(client: httpx.AsyncClient) -> None:
    """No other page shows it in a frame, loads it as its own, or learns its address."""
    for method, path, status in MANAGING:
        answer = await of(client, path, method, **({"json": {"title": "Film"}} if status == 201 else {}))
        assert answer.status_code == status, path
        policy = answer.headers["Content-Security-Policy"]
        assert NO_FRAMES in policy and "default-src 'none'" in policy, path
        told = [answer.headers[f"Cross-Origin-{name}-Policy"] for name in ("Resource", "Opener")]
        assert (answer.headers["Referrer-Policy"], told) == ("no-referrer", ["same-origin"] * 2), path


def test_every_kind_of_route_is_tried(settings: Settings) -> None:
    """A new first element of a path must be tried, above or below."""
    tried = {path.split("/")[1] for _, path, _ in MANAGING} | {"stream", "watch"}
    routes = create_app(settings).routes
    assert {getattr(route, "path", "/").split("/")[1] for route in routes} <= tried | {""}


async def test_what_plays_is_for_pages_of_any_origin(client: httpx.AsyncClient, played: str) -> None:
    """Safari's <video> asks without CORS, and a page that isolates itself loads only what says that it may."""
    for path, status in (("1/720p/00000.m4s", 200), ("master.m3u8", 200), ("1/none.m4s", 404), ("1/none.m3u8", 404)):
        answer = await of(client, f"/stream/{played}/{path}", headers={"Origin": "https://app.example"})
        assert answer.status_code == status, path
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Security-Policy" not in answer.headers, "it would be bytes of each segment"


async def test_the_page_that_plays_may_be_embedded(client: httpx.AsyncClient, played: str) -> None:
    for path in (f"/watch/{played}", f"/watch/{played}/state", "/watch/nobody"):
        answer = await of(client, path)
        policy = answer.headers.get("Content-Security-Policy", "")
        assert "frame-ancestors" not in policy and "X-Frame-Options" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_pages_of_the_api_run_no_script_but_their_own(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc"):
        answer = await of(client, path)
        policy = answer.headers["Content-Security-Policy"]
        directives = dict(each.strip().partition(" ")[::2] for each in policy.split(";"))
        assert "unsafe" not in directives["script-src"]
        assert directives["script-src"].count("'sha256-") == len(re.findall("<script>", answer.text))
        assert directives["connect-src"] == "'self' http://localhost"
        assert directives["base-uri"] == directives["form-action"] == "'none'"


async def test_a_download_is_no_page_and_may_be_linked_from_anywhere(
    client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage
) -> None:
    media = await catalog.medias.create("Film")
    await storage.write(keys.source(media.id, 1), b"<script>alert(1)</script>")
    await catalog.uploads.accept(media.id, kind=None, file_name="film.html", size=25, sha256="0" * 64)
    answer = await of(client, f"/v1/medias/{media.id}/source")
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_what_never_reaches_a_route_says_so_too(live: httpx.AsyncClient) -> None:
    """A host that is not ours, and bytes that are no request."""
    answer = await of(live, "/", headers={"Host": "evil.example"})
    assert (answer.status_code, NO_FRAMES in answer.headers["Content-Security-Policy"]) == (421, True)
    with socket.create_connection((live.base_url.host, live.base_url.port or 80), 5) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        said = raw.makefile("rb").read().decode().lower()
    assert "x-content-type-options: nosniff" in said and NO_FRAMES in said and "\r\nserver:" not in said


async def test_what_went_wrong_inside_says_so_too(settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("as planned")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await of(client, "/broken")
    assert (answer.status_code, NO_FRAMES in answer.headers["Content-Security-Policy"]) == (500, True)


def test_our_own_pages_have_no_script_within() -> None:
    """Their policies allow files alone."""
    for page in (Path(__file__).parents[3] / "gilfoyle/api/static").glob("*.html"):
        assert not re.search(r"<script>|<style|\son\w+=|style=", page.read_text()), page.name
