"""Projects, and that a caller that is bound to one finds nothing of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from gilfoyle.catalog import Catalog, Scope
from gilfoyle.config import AuthSettings, Settings
from tests.integration.api.calling import calling


@pytest.fixture
async def bound(settings: Settings, catalog: Catalog) -> AsyncIterator[httpx.AsyncClient]:
    """Calls with a key of the project `other`."""
    await catalog.projects.create("other")
    _key, secret = await catalog.keys.create("test", Scope.WRITE, "other")
    async with calling(settings.model_copy(update={"auth": AuthSettings(enabled=True)})) as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        yield client


async def test_what_a_caller_makes_belongs_to_its_project(
    client: httpx.AsyncClient, bound: httpx.AsyncClient, catalog: Catalog
) -> None:
    ours = (await bound.post("/v1/medias", json={"title": "Ours"})).json()["data"]
    theirs = (await client.post("/v1/medias", json={"title": "Theirs"})).json()["data"]
    assert (ours["project"], theirs["project"]) == ("other", "default")
    assert [media["id"] for media in (await bound.get("/v1/medias")).json()["data"]] == [ours["id"]]
    assert len((await client.get("/v1/medias")).json()["data"]) == 2
    assert (await catalog.medias.get(UUID(ours["id"]))).project == "other"


async def test_another_projects_media_is_not_there(bound: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await catalog.medias.create("Theirs")
    for method, below in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/source"), ("POST", "/playback-ids")):
        body = {"json": {"title": "Mine"}} if method == "PATCH" else {}
        answer = await bound.request(method, f"/v1/medias/{media.id}{below}", **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.json()["message"] == f"There is no media {media.id}."
    assert (await catalog.medias.get(media.id)).title == "Theirs"


async def test_who_sees_all_names_a_project(
    client: httpx.AsyncClient, bound: httpx.AsyncClient, catalog: Catalog
) -> None:
    media = (await client.post("/v1/medias", json={"title": "Film", "project": "other"})).json()["data"]
    assert media["project"] == "other"
    ordered = (await client.post("/v1/uploads", json={"media": {"project": "other"}})).json()["data"]
    again = (await client.post("/v1/uploads", json={"media_id": media["id"]})).json()["data"]
    assert (ordered["project"], again["project"]) == ("other", "other")
    assert [each["id"] for each in (await client.get("/v1/medias?project=other")).json()["data"]] == [media["id"]]
    assert (await client.get("/v1/medias?project=default")).json()["data"] == []
    assert (await bound.get("/v1/medias?project=other")).json()["data"][0]["id"] == media["id"]
    for caller, project in ((client, "none"), (bound, "default"), (bound, "none")):
        for path, body in (
            ("medias", {"title": "x", "project": project}),
            ("uploads", {"media": {"project": project}}),
        ):
            answer = await caller.post(f"/v1/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (path, project)
    assert (await bound.get("/v1/medias?project=default")).status_code == 404


async def test_an_id_that_is_none_is_said_to_be_so(bound: httpx.AsyncClient) -> None:
    for media_id in ("nonsense", "%00", "0" * 31, " "):
        assert (await bound.get(f"/v1/medias/{media_id}")).status_code == 400, media_id


async def test_however_it_is_written_another_projects_media_is_not_there(
    bound: httpx.AsyncClient, client: httpx.AsyncClient, catalog: Catalog
) -> None:
    media_id = (await catalog.medias.create("Theirs")).id
    for written in (f"{media_id}".upper(), media_id.hex, f"{{{media_id}}}", f"urn:uuid:{media_id}"):
        assert (await bound.get(f"/v1/medias/{written}")).status_code == 404, written
        assert (await client.get(f"/v1/medias/{written}")).status_code == 200, written


async def test_a_project_is_made_shown_renamed_and_removed(client: httpx.AsyncClient, catalog: Catalog) -> None:
    answer = await client.post("/v1/projects", json={"id": "shop", "name": "The shop"})
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith("/v1/projects/shop")
    assert (await client.post("/v1/projects", json={"id": "shop"})).json()["code"] == "project_exists"
    assert [each["id"] for each in (await client.get("/v1/projects")).json()["data"]] == ["default", "shop"]
    assert (await client.patch("/v1/projects/shop", json={"name": "Old"})).json()["data"]["name"] == "Old"
    media = await catalog.medias.create("Film", project="shop")
    await catalog.keys.create("test", Scope.READ, "shop")
    upload = (await client.post("/v1/uploads", json={"media": {"project": "shop"}})).json()["data"]
    assert (await client.delete(f"/v1/uploads/{upload['id']}")).status_code == 204
    assert (await client.delete("/v1/projects/shop")).json()["code"] == "project_in_use"
    await catalog.medias.remove(media.id)
    assert (await client.delete("/v1/projects/shop")).status_code == 204
    assert (await client.get("/v1/projects/shop")).status_code == 404
    assert await catalog.keys.all() == []
    assert (await client.delete("/v1/projects/default")).json()["code"] == "project_in_use"
    assert (await client.post("/v1/projects", json={"id": "other"})).json()["data"]["name"] == "other"


async def test_an_id_of_a_project_is_a_slug(client: httpx.AsyncClient) -> None:
    for project in ("", "-a", "a-", "A", "a b", "a/b", "é", "a" * 41, "a\n", "a\0"):
        assert (await client.post("/v1/projects", json={"id": project})).status_code == 400, project
