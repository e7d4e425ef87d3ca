"""API keys, as those who send them meet them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from gilfoyle.api.keyring import KeyRing
from gilfoyle.catalog import Catalog, Database, Key, Scope
from gilfoyle.config import AuthSettings, Settings
from gilfoyle.errors import Unauthorized
from tests.integration.api.calling import calling

ADMIN = "an-admin-key-of-the-settings"


@pytest.fixture
async def guarded(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Calls an API that asks for keys, without one."""
    auth = AuthSettings(enabled=True, admin_key=SecretStr(ADMIN))
    async with calling(settings.model_copy(update={"auth": auth})) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def made(client: httpx.AsyncClient, *, by: str = ADMIN, **key: object) -> dict[str, str]:
    answer = await client.post("/v1/keys", json={"name": "test", **key}, headers=bearer(by))
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]  # type: ignore[no-any-return]


async def test_without_a_key_that_is_good_nothing_is_answered(guarded: httpx.AsyncClient) -> None:
    for header, code in [
        (None, "key_missing"),
        ("", "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer   ", "key_missing"),
        ("Basic ???", "key_missing"),
        ("Basic " + base64.b64encode(b":").decode(), "key_missing"),
        ("Digest x", "key_missing"),
        ("Bearer nonsense", "key_unknown"),
        ("Bearer " + "x" * 5000, "key_unknown"),
        ("Bearer gf_\xff\xfe", "key_unknown"),
        ("Basic " + base64.b64encode(b"me:nonsense").decode(), "key_unknown"),
        (f"Bearer {ADMIN}x", "key_unknown"),
    ]:
        headers = {} if header is None else {"Authorization": header.encode("latin-1")}
        for method, path in (("GET", "/v1/medias"), ("POST", "/v1/medias"), ("GET", "/v1/keys"), ("GET", "/metricsz")):
            answer = await guarded.request(method, path, headers=headers)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["code"]) == (401, code), (method, path, header)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Gilfoyle"'


async def test_where_no_key_is_asked_for_none_is_looked_at(client: httpx.AsyncClient) -> None:
    for header in ("Bearer nonsense", "Basic ???", "Basic " + base64.b64encode(b"a:b").decode()):
        assert (await client.get("/v1/keys", headers={"Authorization": header})).status_code == 200


async def test_a_key_is_shown_once_and_kept_as_a_hash(guarded: httpx.AsyncClient, database: Database) -> None:
    key = await made(guarded, name="back end", scope="write")
    assert key["secret"].startswith(key["prefix"]) and len(key["secret"]) == 46
    assert (key["name"], key["scope"], key["project"], key["last_used_at"]) == ("back end", "write", None, None)
    for path in ("/v1/keys", f"/v1/keys/{key['id']}"):
        shown = await guarded.get(path, headers=bearer(ADMIN))
        assert shown.status_code == 200 and key["prefix"] in shown.text and key["secret"] not in shown.text
    async with database.session() as session:
        row = str((await session.execute(text("SELECT * FROM key"))).one())
    assert key["secret"] not in row


async def test_a_key_is_sent_in_three_ways(guarded: httpx.AsyncClient) -> None:
    secret = (await made(guarded))["secret"]
    assert (await guarded.get("/v1/medias", headers={"Authorization": f"bearer  {secret} "})).status_code == 200
    for pair in (("anyone", secret), (secret, "")):
        assert (await guarded.get("/v1/medias", auth=pair)).status_code == 200


async def test_each_scope_allows_what_it_says(guarded: httpx.AsyncClient) -> None:
    calls = {Scope.READ: ("GET", "/v1/medias"), Scope.WRITE: ("POST", "/v1/medias"), Scope.ADMIN: ("GET", "/v1/keys")}
    for scope in Scope:
        headers = bearer((await made(guarded, scope=scope))["secret"])
        for needed, (method, path) in calls.items():
            body = {"json": {"title": "Film"}} if method == "POST" else {}
            answer = await guarded.request(method, path, headers=headers, **body)  # type: ignore[arg-type]
            if scope.includes(needed):
                assert answer.is_success, (scope, needed)
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, f"needs_{needed}")


async def test_a_revoked_key_is_refused_at_once_and_stays_so(guarded: httpx.AsyncClient) -> None:
    key = await made(guarded)
    headers = bearer(key["secret"])
    assert (await guarded.get("/v1/medias", headers=headers)).status_code == 200
    revoked = (await guarded.post(f"/v1/keys/{key['id']}/revoke", headers=bearer(ADMIN))).json()["data"]
    assert (await guarded.get("/v1/medias", headers=headers)).json()["code"] == "key_revoked"
    again = (await guarded.post(f"/v1/keys/{key['id']}/revoke", headers=bearer(ADMIN))).json()["data"]
    assert again["revoked_at"] == revoked["revoked_at"] is not None
    assert (await guarded.delete(f"/v1/keys/{key['id']}", headers=bearer(ADMIN))).status_code == 204
    assert (await guarded.get("/v1/medias", headers=headers)).json()["code"] == "key_unknown"
    assert (await guarded.get(f"/v1/keys/{key['id']}", headers=bearer(ADMIN))).status_code == 404


async def test_another_process_sees_a_revocation_once_it_has_forgotten(catalog: Catalog) -> None:
    key, secret = await catalog.keys.create("test", Scope.READ)
    remembering, forgetting = KeyRing(catalog), KeyRing(catalog, remember_s=0)
    for ring in (remembering, forgetting):
        assert (await ring.key(secret)).id == key.id
    await catalog.keys.revoke(key.id)
    assert (await remembering.key(secret)).id == key.id
    for ring in (forgetting, KeyRing(catalog)):
        with pytest.raises(Unauthorized) as caught:
            await ring.key(secret)
        assert caught.value.reason == "key_revoked"


async def test_those_who_ask_at_once_share_a_look_up(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = await catalog.keys.create("test", Scope.READ)
    by_secret, asked = catalog.keys.by_secret, 0

    async def counted(given: str) -> Key | None:
        nonlocal asked
        asked += 1
        return await by_secret(given)

    monkeypatch.setattr(catalog.keys, "by_secret", counted)
    ring = KeyRing(catalog)
    leaves = asyncio.create_task(ring.key(secret))  # and the others are told all the same
    await asyncio.sleep(0)
    others = [asyncio.create_task(ring.key(secret)) for _ in range(200)]
    leaves.cancel()
    assert {found.id for found in await asyncio.gather(*others)} == {key.id}
    refused = await asyncio.gather(*(ring.key("nonsense") for _ in range(200)), return_exceptions=True)
    assert {type(each) for each in refused} == {Unauthorized}
    assert asked == 2


async def test_a_key_expires_also_while_it_is_remembered(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    _key, secret = await catalog.keys.create("test", Scope.READ, expires_at=soon)
    ring = KeyRing(catalog)
    await ring.key(secret)
    monkeypatch.setattr("gilfoyle.catalog.keys.now", lambda: soon)
    with pytest.raises(Unauthorized) as caught:
        await ring.key(secret)
    assert caught.value.reason == "key_expired"


async def test_use_is_noted_once_a_minute(catalog: Catalog) -> None:
    key, secret = await catalog.keys.create("test", Scope.READ)
    await KeyRing(catalog).key(secret)
    first = (await catalog.keys.get(key.id)).last_used_at
    await KeyRing(catalog).key(secret)
    assert (await catalog.keys.get(key.id)).last_used_at == first is not None


async def test_a_keys_name_and_end_are_changed(guarded: httpx.AsyncClient) -> None:
    key = await made(guarded, expires_at="2099-01-01T00:00:00Z")
    path = f"/v1/keys/{key['id']}"

    async def edit(**changes: object) -> httpx.Response:
        return await guarded.patch(path, json=changes, headers=bearer(ADMIN))

    assert (await edit(name="new")).json()["data"]["name"] == "new"
    changed = (await edit(expires_at=None)).json()["data"]
    assert (changed["name"], changed["expires_at"]) == ("new", None)
    for wrong in ({"name": None}, {"name": ""}, {"expires_at": "2020-01-01T00:00:00Z"}, {"scope": "admin"}):
        assert (await edit(**wrong)).status_code == 400


async def test_what_is_no_key_is_refused(guarded: httpx.AsyncClient) -> None:
    for body in [
        {},
        {"name": ""},
        {"name": "x", "scope": "all"},
        {"name": "x", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "expires_at": "2099-01-01T00:00:00"},
        {"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"},
        {"name": "x", "project": "X" * 41},
        {"name": "x\0"},
    ]:
        answer = await guarded.post("/v1/keys", json=body, headers=bearer(ADMIN))
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), body


async def test_an_admin_of_a_project_rules_that_project_only(guarded: httpx.AsyncClient) -> None:
    for project in ("shop", "blog"):
        answer = await guarded.post("/v1/projects", json={"id": project}, headers=bearer(ADMIN))
        assert answer.status_code == 201
    theirs = await made(guarded, project="blog")
    shop = (await made(guarded, scope="admin", project="shop"))["secret"]
    ours = await made(guarded, by=shop)
    assert ours["project"] == "shop"
    listed = (await guarded.get("/v1/keys", headers=bearer(shop))).json()["data"]
    assert {key["project"] for key in listed} == {"shop"} and len(listed) == 2

    async def status(method: str, path: str, **how: object) -> tuple[int, str]:
        answer = await guarded.request(method, path, headers=bearer(shop), **how)  # type: ignore[arg-type]
        return answer.status_code, answer.json()["code"]

    assert await status("POST", "/v1/keys", json={"name": "x", "project": "blog"}) == (404, "not_found")
    assert await status("POST", "/v1/keys", json={"name": "x", "project": "none"}) == (404, "not_found")
    for method, below in (("GET", ""), ("DELETE", ""), ("POST", "/revoke")):
        assert await status(method, f"/v1/keys/{theirs['id']}{below}") == (404, "not_found")
    assert await status("GET", "/v1/projects/blog") == (404, "not_found")
    assert await status("PATCH", "/v1/projects/blog", json={"name": "x"}) == (404, "not_found")
    assert await status("GET", "/v1/projects/shop") == (200, "ok")
    assert await status("POST", "/v1/projects", json={"id": "third"}) == (403, "needs_all_projects")
    assert await status("DELETE", "/v1/projects/shop") == (403, "needs_all_projects")
    assert await status("GET", "/metricsz") == (403, "needs_all_projects")
    assert [each["id"] for each in (await guarded.get("/v1/projects", headers=bearer(shop))).json()["data"]] == ["shop"]


async def test_there_is_an_end_to_keys(guarded: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.catalog.keys.MOST_KEYS", 1)
    await made(guarded)
    answer = await guarded.post("/v1/keys", json={"name": "x"}, headers=bearer(ADMIN))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_keys")


async def test_what_viewers_and_balancers_load_needs_no_key(guarded: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/static/watch.js"):
        assert (await guarded.get(path)).status_code == 200, path
    for path in ("/stream/unknown/master.m3u8", "/stream/unknown/1/x", "/watch/unknown", "/watch/unknown/state"):
        assert (await guarded.get(path)).status_code == 404, path
