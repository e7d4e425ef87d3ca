"""Idempotency-Key: requests that are done once, however often they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from gilfoyle.api.app import create_app
from gilfoyle.api.auth import Principal
from gilfoyle.catalog import Catalog, Database, Scope
from gilfoyle.config import Settings

KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
FILM = {"title": "Film"}


async def titles(client: httpx.AsyncClient) -> list[str]:
    return [media["title"] for media in (await client.get("/v1/medias")).json()["data"]]


async def test_the_same_request_is_done_once_and_answered_the_same(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/medias", json=FILM, headers=KEY)
    again = await client.post("/v1/medias", json=FILM, headers=KEY)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert await titles(client) == ["Film"]
    bare = {"Idempotency-Key": KEY["Idempotency-Key"].strip('"')}
    assert (await client.post("/v1/medias", json=FILM, headers=bare)).content == first.content
    assert (await client.post("/v1/medias", json=FILM, headers={"Idempotency-Key": "other"})).content != first.content


@pytest.mark.parametrize("other", ["body", "path", "query", "type"])
async def test_another_request_with_the_key_is_refused(client: httpx.AsyncClient, other: str) -> None:
    media = (await client.post("/v1/medias", json=FILM, headers=KEY)).json()["data"]
    sent: dict[str, Any] = {"json": FILM, "headers": KEY}
    path = "/v1/medias"
    if other == "body":
        sent["json"] = {"title": "New"}
    elif other == "path":
        path = f"/v1/medias/{media['id']}/playback-ids"
    elif other == "query":
        path += "?x=1"
    else:
        sent["headers"] = KEY | {"Content-Type": "application/json; charset=utf-8"}
    answer = await client.post(path, **sent)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await titles(client) == ["Film"]


async def test_of_many_at_once_one_is_done(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/v1/medias", json=FILM, headers=KEY) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"in_progress"}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await titles(client) == ["Film"]


async def test_what_failed_may_be_sent_again(client: httpx.AsyncClient) -> None:
    for body in ({"title": ""}, {"name": "x"}):
        answer = await client.post("/v1/medias", json=body, headers=KEY)
        assert answer.status_code == 400
    assert (await client.post(f"/v1/medias/{uuid4()}/playback-ids", headers=KEY)).status_code == 404
    assert (await client.post("/v1/medias", json=FILM, headers=KEY)).status_code == 201


@pytest.mark.parametrize("age, done", [("23 hours", False), ("25 hours", True)])
async def test_a_key_stands_for_its_request_for_a_day(
    client: httpx.AsyncClient, database: Database, age: str, done: bool
) -> None:
    await client.post("/v1/medias", json=FILM, headers=KEY)
    async with database.session() as session:
        await session.execute(text(f"UPDATE once SET created_at = now() - interval '{age}'"))
    assert (await client.post("/v1/medias", json=FILM, headers=KEY)).status_code == 201
    assert len(await titles(client)) == 1 + done


async def test_a_request_that_was_lost_with_its_process_may_be_sent_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.post("/v1/medias", json=FILM, headers=KEY)
    async with database.session() as session:
        await session.execute(text("UPDATE once SET status = NULL, body = NULL"))
    answer = await client.post("/v1/medias", json=FILM, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_progress")
    async with database.session() as session:
        await session.execute(text("UPDATE once SET created_at = now() - interval '61 seconds'"))
    assert (await client.post("/v1/medias", json=FILM, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", '""', "a b", '"a" "b"', "x" * 256, '"é"', 'a"b', "a,b"])
async def test_what_is_no_key(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/v1/medias", json=FILM, headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
    assert await titles(client) == []


async def test_secrets_are_not_kept(client: httpx.AsyncClient, database: Database) -> None:
    made = await client.post("/v1/keys", json={"name": "Backend", "scope": "read"}, headers=KEY)
    assert made.status_code == 201, made.text
    secret = made.json()["data"]["secret"]
    again = await client.post("/v1/keys", json={"name": "Backend", "scope": "read"}, headers=KEY)
    assert (again.status_code, again.json()["code"]) == (409, "shown_once")
    assert len((await client.get("/v1/keys")).json()["data"]) == 1
    async with database.session() as session:
        assert secret not in str((await session.execute(text("SELECT * FROM once"))).all())


@pytest.fixture
async def bound(
    settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A caller that is bound to a project."""

    async def caller(_request: object) -> Principal:
        return Principal(Scope.WRITE, "default")

    monkeypatch.setattr("gilfoyle.api.idempotency.caller_of", caller)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def test_keys_belong_to_a_project(bound: httpx.AsyncClient, database: Database) -> None:
    await bound.post("/v1/medias", json=FILM, headers=KEY)
    async with database.session() as session:
        assert await session.scalar(text("SELECT project FROM once")) == "default"


async def test_other_methods_and_uploads_heed_no_key(client: httpx.AsyncClient) -> None:
    media = (await client.post("/v1/medias", json=FILM)).json()["data"]
    for title in ("One", "Two"):
        changed = await client.patch(f"/v1/medias/{media['id']}", json={"title": title}, headers=KEY)
        assert changed.json()["data"]["title"] == title
    for status in (202, 409):
        sent = await client.post(f"/v1/medias/{media['id']}/upload", files={"file": b"film"}, headers=KEY)
        assert sent.status_code == status
