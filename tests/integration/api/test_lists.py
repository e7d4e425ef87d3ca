"""Finding medias: filters that combine, orders, and pages that miss nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from gilfoyle.catalog import Catalog, Position
from tests.integration.api.conftest import processing


async def create(client: httpx.AsyncClient, title: str, **said: Any) -> dict[str, Any]:
    answer = await client.post("/v1/medias", json={"title": title, **said})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def titles(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/v1/medias", params=query)
    assert answer.status_code == 200, answer.text
    return [media["title"] for media in answer.json()["data"]]


@pytest.fixture
async def shelf(client: httpx.AsyncClient, catalog: Catalog) -> None:
    await create(client, "Crème brûlée", tags=["sweet", "cold"], metadata={"season": 1, "house": "North"})
    await create(client, "Łódź by night", tags=["city"], metadata={"season": "1", "house": "North"}, external_id="l1")
    await create(client, "ÉCLAIR", tags=["sweet"], metadata={"season": 2, "open": True, "o'x": "it's 100%"})
    media = await processing(catalog, "Processing")
    await catalog.encodings.fail((await processing(catalog, "Errored")).id, "no_streams", "None.")
    await catalog.medias.edit(media.id, tags=["sweet"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "creme"}, {"Crème brûlée"}),
        ({"q": "CRÈME BRULEE"}, {"Crème brûlée"}),
        ({"q": "lodz"}, {"Łódź by night"}),
        ({"q": "eclair"}, {"ÉCLAIR"}),
        ({"q": "film.mp"}, {"Processing", "Errored"}),
        ({"q": "o'"}, set()),
        ({"q": "%"}, set()),
        ({"tags": "sweet"}, {"Crème brûlée", "ÉCLAIR", "Processing"}),
        ({"tags": "sweet,cold"}, {"Crème brûlée"}),
        ({"tags": ["cold", "sweet"]}, {"Crème brûlée"}),
        ({"tags": "swee"}, set()),
        ({"metadata[season]": "1"}, {"Crème brûlée", "Łódź by night"}),
        ({"metadata[season]": "1.0"}, {"Crème brûlée"}),
        ({"metadata[open]": "true"}, {"ÉCLAIR"}),
        ({"metadata[o'x]": "it's 100%"}, {"ÉCLAIR"}),
        ({"metadata[house]": "North", "metadata[season]": "1", "tags": "city"}, {"Łódź by night"}),
        ({"metadata[house]": "South"}, set()),
        ({"external_id": "l1"}, {"Łódź by night"}),
        ({"status": "Processing,Errored"}, {"Processing", "Errored"}),
        ({"status": ["Processing", "Errored"], "tags": "sweet"}, {"Processing"}),
        ({"kind": "video"}, {"Processing", "Errored"}),
        ({"q": "r", "status": "AwaitingUpload", "tags": "sweet", "metadata[season]": "2"}, {"ÉCLAIR"}),
    ],
)
async def test_filters_combine(client: httpx.AsyncClient, shelf: None, query: dict[str, Any], found: set[str]) -> None:
    assert set(await titles(client, **query)) == found
    counted = (await client.get("/v1/medias", params={**query, "total": "true", "limit": 1})).json()
    assert counted["metadata"]["total"] == len(found)


async def test_times_are_from_and_before(client: httpx.AsyncClient) -> None:
    made = [await create(client, f"Film {n}") for n in range(3)]
    first, second, _third = (media["created_at"] for media in made)
    assert await titles(client, created_from=second) == ["Film 2", "Film 1"]
    assert await titles(client, created_before=second) == ["Film 0"]
    assert await titles(client, created_from=first, created_before=second) == ["Film 0"]
    await client.patch(f"/v1/medias/{made[0]['id']}", json={"description": "new"})
    later = (datetime.fromisoformat(made[2]["updated_at"]) + timedelta(microseconds=1)).isoformat()
    assert await titles(client, updated_from=later) == ["Film 0"]
    assert await titles(client, updated_before=later) == ["Film 2", "Film 1"]


async def test_what_is_changed_is_found_anew(client: httpx.AsyncClient) -> None:
    media = await create(client, "Old", tags=["a"], metadata={"k": "v"})
    await client.patch(f"/v1/medias/{media['id']}", json={"title": "New", "tags": ["b"], "metadata": {"k": None}})
    for gone in ({"q": "old"}, {"tags": "a"}, {"metadata[k]": "v"}):
        assert await titles(client, **gone) == []
    assert await titles(client, q="new", tags="b") == ["New"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("created_at", "bAcé1"), ("-created_at", "1écAb"), ("title", "1Abcé"), ("-title", "écbA1"),
        ("updated_at", "Acé1b"), ("-updated_at", "b1écA"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sought", [{}, {"tags": "page", "metadata[k]": "v", "created_from": "2020-01-01T00:00:00Z"}])
async def test_orders_and_their_pages(client: httpx.AsyncClient, sort: str, order: str, sought: dict[str, str]) -> None:
    made = [await create(client, title, tags=["page"], metadata={"k": "v"}) for title in "bAcé1"]
    if sought:
        await create(client, "other", tags=["other"], metadata={"k": "v"})
        assert await titles(client, sort=sort, **{**sought, "created_from": "2200-01-01T00:00:00Z"}) == []
    await client.patch(f"/v1/medias/{made[0]['id']}", json={"description": "changed last"})
    assert "".join(await titles(client, sort=sort, **sought)) == order
    pages, query = [], {"sort": sort, "limit": "2", **sought}
    while True:
        page = (await client.get("/v1/medias", params=query)).json()
        pages.append("".join(media["title"] for media in page["data"]))
        if page["metadata"]["next_cursor"] is None:
            break
        query["cursor"] = page["metadata"]["next_cursor"]
    assert pages == [order[:2], order[2:4], order[4:]]


@pytest.mark.slow
async def test_pages_miss_nothing_while_medias_come_and_go(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.api.medias.DELETE_WAIT_S", 0)
    made = [await create(client, f"{n}") for n in range(6)]
    page = (await client.get("/v1/medias?limit=3")).json()
    await create(client, "new")
    await client.delete(f"/v1/medias/{made[4]['id']}")
    rest = (await client.get("/v1/medias", params={"cursor": page["metadata"]["next_cursor"]})).json()
    assert [media["title"] for media in page["data"] + rest["data"]] == ["5", "4", "3", "2", "1", "0"]


async def test_equal_titles_are_told_apart(client: httpx.AsyncClient) -> None:
    made = {(await create(client, "Same"))["id"] for _ in range(5)}
    found, query = set(), {"sort": "title", "limit": "2"}
    for _ in range(3):
        page = (await client.get("/v1/medias", params=query)).json()
        found |= {media["id"] for media in page["data"]}
        query["cursor"] = page["metadata"]["next_cursor"]
    assert (found, query["cursor"]) == (made, None)


async def test_a_cursor_is_of_its_list(client: httpx.AsyncClient) -> None:
    media = await create(client, "Film")
    other = Position("title", "film", UUID(media["id"])).cursor()
    answer = await client.get("/v1/medias", params={"cursor": other})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
    assert await titles(client, cursor=other, sort="title") == []


async def test_counting_is_asked_for_and_ends_somewhere(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await create(client, f"{number}")
    assert "total" not in (await client.get("/v1/medias")).json()["metadata"]
    for module in ("catalog.listing", "api.medias"):
        monkeypatch.setattr(f"gilfoyle.{module}.MOST_COUNTED", 3)
    metadata = (await client.get("/v1/medias?total=true&q=")).json()["metadata"]
    assert (metadata["total"], metadata["total_capped"]) == (3, True)
    metadata = (await client.get("/v1/medias?total=true&q=2")).json()["metadata"]
    assert (metadata["total"], metadata["total_capped"]) == (1, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/medias/{id}?includ=tracks"),
        ("PATCH", "/v1/medias/{id}?dry_run=1"),
        ("DELETE", "/v1/medias/{id}?force=1"),
        ("POST", "/v1/medias?title=x"),
        ("PUT", "/v1/medias/{id}/source?filename=x"),
        ("POST", "/v1/medias/{id}/tracks?language=de"),
        ("POST", "/v1/medias/{id}/playback-ids?policy=signed"),
    ],
)
async def test_parameters_that_a_route_does_not_have_are_refused(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    media = await create(client, "Film")
    answer = await client.request(method, path.format(id=media["id"]), json={"title": "New"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter"), answer.text
    assert (await client.get(f"/v1/medias/{media['id']}")).json()["data"] == media
