"""Deleting all medias that match."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client

from gilfoyle.catalog import Catalog, Database
from tests.integration.api.conftest import eventually


async def create(client: httpx.AsyncClient, title: str, *tags: str) -> str:
    answer = await client.post("/v1/medias", json={"title": title, "tags": tags})
    return str(answer.json()["data"]["id"])


async def titles(client: httpx.AsyncClient) -> set[str]:
    return {media["title"] for media in (await client.get("/v1/medias")).json()["data"]}


async def test_those_that_match_are_gone_and_no_others(
    client: httpx.AsyncClient, database: Database, temporal: Client
) -> None:
    old = [await create(client, f"Old {number}", "old") for number in range(3)]
    await create(client, "New", "new")
    tried = await client.delete("/v1/medias", params={"tags": "old", "dry_run": True})
    assert (tried.status_code, tried.json()["data"]) == (200, {"count": 3, "more": False, "dry_run": True})
    assert len(await titles(client)) == 4
    done = await client.delete("/v1/medias", params={"tags": "old"})
    assert (done.status_code, done.json()["data"]) == (200, {"count": 3, "more": False, "dry_run": False})
    assert await titles(client) == {"New"}
    assert (await client.delete("/v1/medias?tags=old")).json()["data"]["count"] == 0

    async def begun() -> None:
        for media_id in old:
            try:
                await temporal.get_workflow_handle(f"delete-{media_id}").describe()
            except Exception as error:
                raise AssertionError from error

    await eventually(begun)


async def test_so_many_at_a_time(client: httpx.AsyncClient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await create(client, f"Old {number}", "old")
    monkeypatch.setattr(catalog.medias.begin_deleting.__func__, "__defaults__", (2,))  # type: ignore[attr-defined]
    answers = [(await client.delete("/v1/medias?tags=old")).json()["data"] for _ in range(3)]
    assert [(answer["count"], answer["more"]) for answer in answers] == [(2, True), (2, True), (1, False)]


@pytest.mark.parametrize("query", ["", "dry_run=true", "q=", "status=ready", "tag=old", "limit=5&tags=old"])
async def test_nothing_is_deleted_by_mistake(client: httpx.AsyncClient, database: Database, query: str) -> None:
    await create(client, "Old", "old")
    answer = await client.delete(f"/v1/medias?{query}")
    assert answer.status_code == 400, answer.text
    assert await titles(client) == {"Old"}
    async with database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM media WHERE status = 'Deleting'")) == 0
