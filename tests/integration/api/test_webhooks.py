from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gilfoyle.catalog import Attempt, Catalog, Scope
from gilfoyle.catalog.webhooks import MOST_WEBHOOKS
from gilfoyle.config import AuthSettings, NetSettings, Settings
from tests.integration.api.calling import calling

URL = "http://hooks.internal/gilfoyle"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"net": NetSettings(allow=["127.0.0.0/8"])})


async def create(client: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/hook", **given})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def test_made_shown_changed_and_deleted(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/webhooks", json={"url": "http://127.0.0.1:9/hook", "types": ["media.*"], "description": " for me "}
    )
    made = answer.json()["data"]
    assert answer.headers["location"].endswith(f"/v1/webhooks/{made['id']}")
    assert answer.headers["cache-control"] == "no-store"
    assert made.pop("secret").startswith("whsec_")
    assert (made["project"], made["types"], made["description"], made["enabled"]) == (
        "default", ["media.*"], "for me", True
    )  # fmt: skip
    path = f"/v1/webhooks/{made['id']}"
    assert (await client.get(path)).json()["data"] == made
    assert (await client.get("/v1/webhooks")).json()["data"] == [made]
    changed = (await client.patch(path, json={"enabled": False, "types": []})).json()["data"]
    assert (changed["enabled"], changed["types"], changed["url"]) == (False, [], made["url"])
    assert (await client.delete(path)).status_code == 204
    for answer in (
        await client.get(path),
        await client.patch(path, json={}),
        await client.delete(path),
        await client.post(f"{path}/test"),
        await client.post(f"{path}/rotate-secret"),
        await client.get(f"{path}/deliveries"),
        await client.post(f"{path}/deliveries/1/redeliver"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_request", "url"),
        ({"url": "http://127.0.0.1/", "types": ["media.rady"]}, "invalid_request", "types.0"),
        ({"url": "http://127.0.0.1/", "types": ["*"]}, "invalid_request", "types.0"),
        ({"url": "http://127.0.0.1/", "types": "media.ready"}, "invalid_request", "types"),
        ({"url": "http://127.0.0.1/", "kinds": []}, "invalid_request", "kinds"),
        ({"url": "http://127.0.0.1/", "description": "x" * 501}, "invalid_request", "description"),
        ({"url": "ftp://127.0.0.1/"}, "url_refused", "url"),
        ({"url": "127.0.0.1"}, "url_refused", "url"),
        ({"url": "http://user:secret@127.0.0.1/"}, "url_refused", "url"),
        ({"url": "http://[::1]/"}, "url_refused", "url"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "url_refused", "url"),
        ({"url": "http://nobody.invalid/"}, "url_refused", "url"),
        ({"url": ""}, "url_refused", "url"),
        ({"url": "http://127.0.0.1/" + "a" * 3000}, "invalid_request", "url"),
    ],
)
async def test_what_can_be_no_webhook(client: httpx.AsyncClient, body: dict[str, Any], code: str, field: str) -> None:
    answer = await client.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert field in answer.json()["fields"]
    if "url" in body and code == "url_refused":
        webhook = await create(client)
        answer = await client.patch(f"/v1/webhooks/{webhook['id']}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_null_is_no_value(client: httpx.AsyncClient) -> None:
    webhook = await create(client)
    answer = await client.patch(f"/v1/webhooks/{webhook['id']}", json={"url": None})
    assert (answer.status_code, answer.json()["fields"]) == (400, {"url": "can't be null"})


async def test_there_is_a_limit(client: httpx.AsyncClient, catalog: Catalog) -> None:
    for _ in range(MOST_WEBHOOKS):
        await catalog.webhooks.create("default", url=URL)
    answer = await client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")
    assert (await client.post("/v1/webhooks", json={"url": "http://127.0.0.1/", "project": "no"})).status_code == 404


async def test_a_secret_is_shown_once(client: httpx.AsyncClient, catalog: Catalog) -> None:
    made = await create(client)
    rotated = await client.post(f"/v1/webhooks/{made['id']}/rotate-secret")
    assert rotated.headers["cache-control"] == "no-store"
    secrets = {made["secret"], rotated.json()["data"]["secret"]}
    assert len(secrets) == 2
    for path in ("/v1/webhooks", f"/v1/webhooks/{made['id']}", f"/v1/webhooks/{made['id']}/deliveries"):
        text = (await client.get(path)).text
        assert "whsec_" not in text
    webhook = await catalog.webhooks.get(made["id"])
    assert set(webhook.secrets) == secrets
    assert not any(secret in repr(webhook) for secret in secrets)


async def test_the_log(client: httpx.AsyncClient, catalog: Catalog) -> None:
    webhook = await create(client)
    path = f"/v1/webhooks/{webhook['id']}"
    media = await catalog.medias.create("Film")
    await catalog.medias.edit(media.id, title="Films")
    waiting = (await client.get(f"{path}/deliveries")).json()["data"]
    assert [each["event"]["type"] for each in waiting] == ["media.updated", "media.created"]
    (first,) = await catalog.deliveries.due(webhook["id"], 10)
    await catalog.deliveries.note(first, Attempt(0.25, "It answered 500.", 500, "oh"), None)
    newest, oldest = (await client.get(f"{path}/deliveries")).json()["data"]
    assert (oldest["status"], oldest["attempts"], oldest["answer"]) == ("Failed", 1, {"status": 500, "body": "oh"})
    assert (oldest["error"], oldest["duration_s"], oldest["next_try_at"]) == ("It answered 500.", 0.25, None)
    assert (newest["status"], newest["attempts"], newest["answer"]) == ("Waiting", 0, None)
    assert (await client.get(f"{path}/deliveries", params={"status": "Failed"})).json()["data"] == [oldest]
    older = await client.get(f"{path}/deliveries", params={"before": newest["id"]})
    assert older.json()["data"] == [oldest]
    again = await client.post(f"{path}/deliveries/{oldest['id']}/redeliver")
    assert again.status_code == 202
    copy = again.json()["data"]
    assert (copy["status"], copy["message_id"], copy["event"]) == ("Waiting", oldest["message_id"], oldest["event"])
    assert copy["id"] > newest["id"]
    assert (await client.post(f"{path}/deliveries/{2**62}/redeliver")).status_code == 404
    for nonsense in ("-1", str(2**63), "film"):
        assert (await client.post(f"{path}/deliveries/{nonsense}/redeliver")).status_code == 400
    other = await create(client)
    assert (await client.post(f"/v1/webhooks/{other['id']}/deliveries/{oldest['id']}/redeliver")).status_code == 404


async def test_a_test(client: httpx.AsyncClient, catalog: Catalog) -> None:
    webhook = await create(client, types=["media.ready"])
    answer = await client.post(f"/v1/webhooks/{webhook['id']}/test")
    assert answer.status_code == 202
    tested = answer.json()["data"]
    assert (tested["event"]["type"], tested["event"]["data"]) == ("webhook.test", {"webhook_id": webhook["id"]})
    assert [each.id for each in await catalog.deliveries.due(webhook["id"], 10)] == [tested["id"]]


@pytest.fixture
async def asking(settings: Settings, catalog: Catalog) -> AsyncIterator[httpx.AsyncClient]:
    """Asks for keys."""
    async with calling(settings.model_copy(update={"auth": AuthSettings(enabled=True)})) as client:
        yield client


async def test_who_may(asking: httpx.AsyncClient, catalog: Catalog) -> None:
    await catalog.projects.create("another", "Another")
    theirs = await catalog.webhooks.create("another", url=URL)

    async def with_key(scope: Scope, project: str | None) -> dict[str, str]:
        _, secret = await catalog.keys.create("key", scope, project)
        return {"Authorization": f"Bearer {secret}"}

    writer, ours = await with_key(Scope.WRITE, None), await with_key(Scope.ADMIN, "default")
    assert (await asking.get("/v1/webhooks")).status_code == 401
    assert (await asking.get("/v1/webhooks", headers=writer)).status_code == 403
    assert (await asking.get("/v1/webhooks", headers=ours)).json()["data"] == []
    for method, path in (
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/rotate-secret"),
        ("GET", "/deliveries"), ("POST", "/deliveries/1/redeliver"),
    ):  # fmt: skip
        json = {} if method == "PATCH" else None
        answer = await asking.request(method, f"/v1/webhooks/{theirs.id}{path}", headers=ours, json=json)
        assert answer.status_code == 404
    body = {"url": "http://127.0.0.1:9/hook", "project": "another"}
    assert (await asking.post("/v1/webhooks", headers=ours, json=body)).status_code == 404
    everyone = await with_key(Scope.ADMIN, None)
    assert (await asking.post("/v1/webhooks", headers=everyone, json=body)).json()["data"]["project"] == "another"


async def test_ids_that_are_none(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/v1/webhooks/{uuid4()}")).status_code == 404
    assert (await client.get("/v1/webhooks/film")).status_code == 400
