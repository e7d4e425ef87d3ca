"""Whatever a client sends, the answer is its own fault, and says so in the envelope."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest

from gilfoyle.api.app import create_app
from gilfoyle.catalog import Catalog
from gilfoyle.config import Settings

JSON = {"Content-Type": "application/json"}

BODIES: list[tuple[bytes, dict[str, str]]] = [
    (b"", JSON),
    (b"{", JSON),
    (b"null", JSON),
    (b"[]", JSON),
    (b'"text"', JSON),
    (b"\xff\xfe", JSON),
    (b"[" * 100_000, JSON),
    (b'{"title": ' + b"[" * 500 + b"]" * 500 + b"}", JSON),
    (b'{"title": 1e999}', JSON),
    (b'{"title": NaN}', JSON),
    (b'{"title": ' + b"9" * 10_000 + b"}", JSON),
    (b'{"title": 1}', JSON),
    (b'{"title": null}', JSON),
    (b'{"title": ""}', JSON),
    (b'{"title": "  "}', JSON),
    (b'{"title": "a\\u0000b"}', JSON),
    (b'{"title": "\\ud800"}', JSON),
    (json.dumps({"title": "x" * 501}).encode(), JSON),
    (json.dumps({"title": "x", "description": "x" * 5001}).encode(), JSON),
    (b'{"title": "x", "unknown": 1}', JSON),
    (b'{"title": "x"}', {"Content-Type": "text/plain"}),
    (b'{"title": "x"}', {}),
    (b"title=x", {"Content-Type": "application/x-www-form-urlencoded"}),
    (b'{"title": "x"}', {"Content-Type": "\xff/; ="}),
    (b'{"title": "x"}', {"Content-Type": "multipart/form-data; boundary=x"}),
]
QUERIES = [
    "limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=" + "9" * 5000, "limit=NaN",
    "offset=-1", "offset=" + "9" * 31, "offset=1e3", "offset=9223372036854775808", "offset=" + "9" * 5000,
    "status=Deleting", "status=ready", "status=", "status=%00", "q=%00", "q=" + "x" * 201,
    "status=Ready,ready", "kind=text", "external_id=", "external_id=%00", "tags=", "tags=a,,b", "tags=%00", "sort=size",
    "total=maybe", "created_from=today", "created_from=2026-01-01T00:00:00", "updated_before=",
    "cursor=x", "cursor=%00", "cursor=bm90aGluZw", "cursor=" + "A" * 4001, "metadata[a]=%00",
    "metadata[a]=" + "x" * 1001, "metadata[%00]=x", "metadata[]=x", "metadata=x", "metadata[" + "x" * 101 + "]=1",
    "limt=1", "unknown=1", "token=x",
]  # fmt: skip
IDS = ["x", "1", "%00", "..", "00000000-0000-0000-0000-00000000000", "0" * 1000, "é", "%F0%28", "null", "-"]


def check(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text[:300]
    body: dict[str, Any] = answer.json()
    needed = {"type", "code", "message", "request_id"}
    assert needed <= set(body) <= needed | {"fields"}
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert not re.search(r"\b[Ii]nput|should|valid (string|integer|UUID|boolean|list|dict)", answer.text), answer.text
    assert len(answer.content) < 2000
    return body


@pytest.mark.parametrize(("body", "headers"), BODIES)
async def test_bodies(client: httpx.AsyncClient, catalog: Catalog, body: bytes, headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    status = 400 if headers.get("Content-Type") == JSON["Content-Type"] else 415
    answer = check(await client.post("/v1/medias", content=body, headers=encoded), status)
    assert answer["type"] == {400: "invalid_request", 415: "unsupported_media_type"}[status]
    media = await catalog.medias.create("Kept")
    check(await client.patch(f"/v1/medias/{media.id}", content=body, headers=encoded), status)
    assert (await catalog.medias.get(media.id)).title == "Kept"
    assert (await catalog.medias.page(10, 0))[1] == 1


async def test_says_which_field_is_wrong(client: httpx.AsyncClient) -> None:
    answer = check(await client.post("/v1/medias", json={"title": "", "description": 5, "more": 1}), 400)
    assert set(answer["fields"]) == {"title", "description", "more"}
    assert answer["fields"]["title"] == "must have at least 1 character"
    answer = check(await client.get("/v1/medias?limit=1000&offset=x"), 400)
    assert set(answer["fields"]) == {"limit", "offset"}


@pytest.mark.parametrize("query", QUERIES)
async def test_queries(client: httpx.AsyncClient, query: str) -> None:
    answer = check(await client.get(f"/v1/medias?{query}"), 400)
    assert list(answer["fields"]) == [unquote(query.split("=")[0])[:100]]


async def test_odd_but_right_queries(client: httpx.AsyncClient) -> None:
    for query in (
        "",
        "limit=100",
        f"offset={2**53}",
        "q=",
        "q=%25",
        "limit=1&limit=2",
        "cursor=",
        "metadata[a.b]=''",
        "q=\\",
    ):
        assert (await client.get(f"/v1/medias?{query}")).status_code == 200


@pytest.mark.parametrize("media_id", IDS)
async def test_ids(client: httpx.AsyncClient, media_id: str) -> None:
    statuses = (404,) if media_id == ".." else (400,)
    check(await client.get(f"/v1/medias/{media_id}"), *statuses)
    check(await client.delete(f"/v1/medias/{media_id}"), *statuses)
    check(await client.patch(f"/v1/medias/{media_id}", json={"title": "x"}), *statuses)
    check(await client.get(f"/stream/{media_id}/master.m3u8"), 404)
    check(await client.post(f"/v1/medias/{media_id}/upload/video", files={"file": b"x"}), *statuses)


@pytest.mark.parametrize("path", ["/nothing", "/v1/medias/", "/v1/medias/x/y", "/../etc/passwd", "/%00", "/.env"])
async def test_unknown_routes(client: httpx.AsyncClient, path: str) -> None:
    assert check(await client.get(path), 404)["code"] == "not_found"


async def test_wrong_methods(client: httpx.AsyncClient) -> None:
    media_id = uuid4()
    for method, path in (
        ("PUT", "/v1/medias"),
        ("POST", f"/v1/medias/{media_id}"),
        ("GET", f"/v1/medias/{media_id}/upload/video"),
        ("POST", f"/stream/{media_id}/master.m3u8"),
        ("POST", "/healthz"),
        ("BREW", "/v1/medias"),
    ):
        answer = await client.request(method, path)
        assert check(answer, 405)["code"] == "method_not_allowed"
        assert answer.headers["Allow"]


async def test_an_unknown_kind_of_upload(client: httpx.AsyncClient) -> None:
    answer = check(await client.post(f"/v1/medias/{uuid4()}/upload/picture", files={"file": b"x"}), 400)
    assert list(answer["fields"]) == ["kind"]


async def test_a_huge_body_is_not_kept_in_memory(client: httpx.AsyncClient) -> None:
    body = json.dumps({"title": "x" * (2 << 20)}).encode()
    assert check(await client.post("/v1/medias", content=body, headers=JSON), 413)["code"] == "too_large"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=" + "9" * 5000 + "-"},
        {"If-None-Match": '"' * 999},
        {"Accept-Encoding": "gzip;q=x, ;;;,"},
        {"Origin": "null"},
        {"Accept": "\xff"},
        {"Cookie": "=" * 4000},
    ],
)
async def test_headers(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await client.get(f"/stream/{uuid4()}/master.m3u8", headers=encoded)
    check(answer, 404)


async def test_an_unexpected_exception_is_a_500_in_the_envelope_without_its_text(settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("a secret")

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/boom")
    assert check(answer, 500)["code"] == "internal"
    assert "secret" not in answer.text
