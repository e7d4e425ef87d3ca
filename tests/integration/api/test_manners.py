"""What HTTP promises of any path: its methods, its ids, the types of its bodies."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import httpx
import pytest

from gilfoyle.catalog import Catalog
from tests.integration.api.conftest import processing


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/medias", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/v1/medias/{id}", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/v1/medias/{id}/source", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/v1/medias/{id}/retry", "POST, OPTIONS"),
        ("/v1/medias/{id}/verify", "GET, HEAD, POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/stream/x/master.m3u8", "GET, HEAD, OPTIONS"),
    ],
)
async def test_all_methods_of_a_path_are_named(client: httpx.AsyncClient, path: str, allowed: str) -> None:
    path = path.format(id=uuid4())
    refused = await client.request("BREW", path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)
    asked = await client.options(path)
    assert (asked.status_code, asked.headers["Allow"], asked.content) == (204, allowed, b"")


@pytest.mark.parametrize(
    "path", ["/v1/medias", "/v1/medias/{id}", "/v1/medias/{id}/tracks", "/healthz", "/openapi.json"]
)
async def test_head_goes_wherever_get_does(client: httpx.AsyncClient, catalog: Catalog, path: str) -> None:
    path = path.format(id=(await processing(catalog)).id)
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.content))
    assert (await client.head(f"/v1/medias/{uuid4()}")).status_code == 404
    assert (await client.head("/v1/medias/{id}/retry")).status_code == 405


@pytest.mark.parametrize("given", ["abc-1.2_3:4", "x" * 100])
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    for path in ("/v1/medias", f"/v1/medias/{uuid4()}", "/nothing", "/stream/x/1/a.m4s"):
        answer = await client.get(path, headers={"X-Request-Id": given})
        assert answer.headers.get_list("X-Request-Id") == [given]
        if not answer.is_success:
            assert answer.json()["request_id"] == given


@pytest.mark.parametrize("given", [b"", b"x" * 101, b"a b", b"a\tb", b"<b>", b"\xff", b'"'])
async def test_another_one_is_replaced(client: httpx.AsyncClient, given: bytes) -> None:
    ids = {(await client.get("/healthz", headers={"X-Request-Id": given})).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3 and all(each.isalnum() and len(each) == 16 for each in ids)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_body_of_another_type_is_not_read(client: httpx.AsyncClient, method: str) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film"})).json()["data"]
    path = "/v1/medias" if method == "POST" else f"/v1/medias/{media['id']}"
    body = json.dumps({"title": "New"}).encode()
    for kind in ("text/plain", "application/xml", "application/jsonx", ""):
        answer = await client.request(method, path, content=body, headers={"Content-Type": kind} if kind else {})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), kind
    for kind in ("application/json", "application/json; charset=utf-8", "application/merge-patch+json"):
        answer = await client.request(method, path, content=body, headers={"Content-Type": kind})
        assert answer.is_success, kind


async def test_a_media_is_sent_again_only_if_it_has_changed(client: httpx.AsyncClient) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film"})).json()["data"]
    path = f"/v1/medias/{media['id']}"
    first = await client.get(path)
    tag = first.headers["ETag"]
    for given in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        same = await client.get(path, headers={"If-None-Match": given})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert (await client.head(path, headers={"If-None-Match": tag})).status_code == 304
    changed = await client.patch(path, json={"title": "New"})
    assert changed.headers["ETag"] != tag
    assert (await client.get(path, headers={"If-None-Match": tag})).headers["ETag"] == changed.headers["ETag"]


async def test_a_change_may_ask_for_what_it_changes(client: httpx.AsyncClient) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film"})).json()["data"]
    path = f"/v1/medias/{media['id']}"
    old = (await client.get(path)).headers["ETag"]
    changed = await client.patch(path, json={"title": "One"}, headers={"If-Match": old})
    assert changed.status_code == 200
    for method, given in (("PATCH", old), ("PATCH", '"x"'), ("PATCH", f"W/{changed.headers['ETag']}"), ("DELETE", old)):
        refused = await client.request(method, path, json={"title": "Two"}, headers={"If-Match": given})
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed"), (method, given)
    assert (await client.get(path)).json()["data"]["title"] == "One"
    now = changed.headers["ETag"]
    assert (await client.patch(path, json={"title": "Two"}, headers={"If-Match": f'"x", {now}'})).status_code == 200
    assert (await client.patch(path, json={"title": "Three"}, headers={"If-Match": "*"})).status_code == 200
    now = (await client.get(path)).headers["ETag"]
    answers = await asyncio.gather(
        *(client.patch(path, json={"title": f"At once {n}"}, headers={"If-Match": now}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    assert (await client.patch(f"/v1/medias/{uuid4()}", json={}, headers={"If-Match": "*"})).status_code == 404


async def test_json_is_gzipped_for_who_takes_it(client: httpx.AsyncClient) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film", "description": "x" * 3000})).json()["data"]
    for path in ("/v1/medias", f"/v1/medias/{media['id']}", "/openapi.json"):
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert ("Content-Encoding" in plain.headers, packed.headers["Content-Encoding"]) == (False, "gzip")
        assert packed.content == plain.content
        assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])
        assert "Accept-Encoding" in plain.headers["Vary"] and "Accept-Encoding" in packed.headers["Vary"]
    assert "Content-Encoding" not in (await client.get(f"/v1/medias/{uuid4()}")).headers


async def test_the_tag_of_what_is_gzipped_is_as_good(client: httpx.AsyncClient) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film", "description": "x" * 3000})).json()["data"]
    path = f"/v1/medias/{media['id']}"
    packed = (await client.get(path, headers={"Accept-Encoding": "gzip"})).headers["ETag"]
    plain = (await client.get(path, headers={"Accept-Encoding": "identity"})).headers["ETag"]
    assert packed != plain
    for tag in (packed, plain):
        assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304
    assert (await client.patch(path, json={"title": "New"}, headers={"If-Match": packed})).status_code == 200
    assert (await client.patch(path, json={"title": "Newer"}, headers={"If-Match": packed})).status_code == 412


async def test_what_can_not_be_had_is_refused_before_anything_is_done(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.medias.DELETE_WAIT_S", 0)
    html, events = {"Accept": "text/html"}, {"Accept": "text/event-stream"}
    media_id = (await client.post("/v1/medias", json={"title": "Film"})).json()["data"]["id"]
    refused = [
        await client.post("/v1/medias", json={"title": "Another"}, headers=html),
        await client.get("/v1/medias", headers=html),
        await client.head("/v1/medias", headers=html),
        await client.get(f"/v1/medias/{media_id}", headers=events),
        await client.get("/v1/events", headers=html),
        await client.put(f"/v1/medias/{media_id}/source", content=b"film", headers=html),
    ]
    assert {answer.status_code for answer in refused} == {406}
    assert refused[0].json()["code"] == "not_acceptable" and "application/json" in refused[0].json()["message"]
    assert len((await client.get("/v1/medias")).json()["data"]) == 1
    assert (await client.get(f"/v1/medias/{media_id}")).json()["data"]["status"] == "AwaitingUpload"
    await client.put(f"/v1/medias/{media_id}/attachments/a.txt", content=b"a")
    for accept in ("application/json", "application/*", "text/html, */*;q=0.8", ""):
        assert (await client.get("/v1/medias", headers={"Accept": accept})).status_code == 200
    # Files are of any type, and what has no content of none.
    assert (await client.get(f"/v1/medias/{media_id}/attachments/a.txt", headers=html)).status_code == 200
    assert (await client.delete(f"/v1/medias/{media_id}", headers=html)).status_code == 204
