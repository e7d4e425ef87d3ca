from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from gilfoyle.api.origins import GuardOrigins
from gilfoyle.config import ServerSettings

MEDIA = "/v1/medias/0b5e3a52-0000-4000-8000-000000000000"
CHANGES = [
    ("POST", "/v1/medias"), ("PATCH", MEDIA), ("DELETE", MEDIA), ("POST", f"{MEDIA}/upload/video"),
    ("POST", f"{MEDIA}/renditions/720p/retry"), ("PUT", f"{MEDIA}/source"), ("BREW", "/"),
]  # fmt: skip
PLAYED = ["/stream/abc/master.m3u8", "/stream/abc/1/720p/00000.m4s", "/watch/abc", "/watch/abc/state"]
NOT_PLAYED = [MEDIA, "/v1/medias", "/v1/medias/", "/metricsz", "/openapi.json", f"{MEDIA}/upload/video", "/"]


async def ask(method: str, path: str, headers: dict[str, str], **server: Any) -> httpx.Response:
    transport = httpx.ASGITransport(GuardOrigins(PlainTextResponse("done"), ServerSettings(**server)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        return await client.request(method, path, headers=headers)


async def preflight(method: str, path: str, origin: str, **server: Any) -> str | None:
    """Which origin a preflight allows."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "range"}
    answer = await ask("OPTIONS", path, asked, **server)
    return answer.headers.get("Access-Control-Allow-Origin") if answer.status_code == 200 else None


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9000"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:8000.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9000"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8000"},
    # What needs no preflight, so that CORS does not stop it.
    {"Origin": "https://evil.example", "Content-Type": "text/plain"},
    {"Origin": "https://evil.example", "Content-Type": "multipart/form-data; boundary=x"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_pages_of_other_sites_change_nothing(method: str, path: str, headers: dict[str, str]) -> None:
    answer = await ask(method, path, headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.json()["message"].endswith("may change nothing here: name those that may in server.app_origins.")
    assert await preflight(method, path, "https://evil.example") is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:8000"},
        {"Origin": "https://localhost:8000"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://media.example.org"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://media.example.org", "Host": "media.example.org"},
        {"Origin": "https://media.example.org", "Host": "Media.example.org:443"},
        {"Origin": "http://[::1]:8000", "Host": "[::1]:8000"},
    ],
)
@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_own_pages_and_what_is_no_browser_may_change(method: str, path: str, headers: dict[str, str]) -> None:
    assert (await ask(method, path, headers)).text == "done"


@pytest.mark.parametrize(("method", "path"), CHANGES[:5])
async def test_pages_of_an_own_application_may_do_all(method: str, path: str) -> None:
    headers = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    for origins in (["https://app.example"], ["*"]):
        answer = await ask(method, path, headers, app_origins=origins)
        assert answer.text == "done"
        assert answer.headers["Access-Control-Allow-Origin"] in ("https://app.example", "*")
        assert await preflight(method, path, "https://app.example", app_origins=origins)
    other = {"Origin": "https://evil.example"}
    assert (await ask(method, path, other, app_origins=["https://app.example"])).status_code == 403


@pytest.mark.parametrize("path", PLAYED)
async def test_whoever_knows_a_media_may_read_it_by_cors_origins(path: str) -> None:
    other = {"Origin": "https://player.example", "Sec-Fetch-Site": "cross-site"}
    for method in ("GET", "HEAD"):
        assert (await ask(method, path, other)).headers["Access-Control-Allow-Origin"] == "*"
    assert await preflight("GET", path, "https://player.example") == "*"
    for named, allowed in (("https://player.example", "https://player.example"), ("https://x.example", None)):
        answer = await ask("GET", path, other, cors_origins=[named])
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        assert await preflight("GET", path, "https://player.example", cors_origins=[named]) == allowed


@pytest.mark.parametrize("path", NOT_PLAYED)
async def test_what_would_give_ids_away_is_for_own_pages(path: str) -> None:
    other = {"Origin": "https://player.example"}
    answer = await ask("GET", path, other)
    assert answer.status_code == 200  # a browser does not hand it to the page
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert await preflight("GET", path, "https://player.example") is None
    answer = await ask("GET", path, other, app_origins=["https://player.example"])
    assert answer.headers["Access-Control-Allow-Origin"] == "https://player.example"
