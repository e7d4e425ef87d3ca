"""Tracks by HTTP: shown, added, changed, removed; and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gilfoyle.catalog import Catalog
from gilfoyle.media.tracks import Track, TrackKind
from gilfoyle.storage import FilesystemStorage, keys

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.fixture
async def media_id(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/medias", json={"title": "Film"})).json()["data"]["id"])


async def add(client: httpx.AsyncClient, media_id: str, data: bytes = SRT, **fields: Any) -> httpx.Response:
    return await client.post(f"/v1/medias/{media_id}/tracks", files={"file": ("a.srt", data)}, data=fields)


async def test_captions_are_kept_as_webvtt(
    client: httpx.AsyncClient, media_id: str, storage: FilesystemStorage
) -> None:
    answer = await add(client, media_id, language="GER", label="Deutsch", role="caption", default="true")
    track = answer.json()["data"]
    assert answer.status_code == 201
    assert (track["language"], track["label"], track["role"], track["default"]) == ("de", "Deutsch", "caption", True)
    assert answer.headers["location"] == f"http://localhost/v1/medias/{media_id}/tracks/{track['name']}"
    kept = await storage.read(keys.text(media_id, track["name"]))
    assert kept == b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n"
    assert (await client.get(f"/v1/medias/{media_id}/tracks")).json()["data"] == [track]
    assert (await client.get(f"/v1/medias/{media_id}")).json()["data"]["tracks"] == [track]
    assert (await client.get("/v1/medias?include=tracks")).json()["data"][0]["tracks"] == [track]


async def test_there_is_one_default_of_a_kind(client: httpx.AsyncClient, media_id: str) -> None:
    first = (await add(client, media_id, default="true")).json()["data"]["name"]
    second = (await add(client, media_id, default="true")).json()["data"]["name"]

    async def defaults() -> dict[str, bool]:
        tracks = (await client.get(f"/v1/medias/{media_id}/tracks")).json()["data"]
        return {track["name"]: track["default"] for track in tracks}

    assert await defaults() == {first: False, second: True}
    await client.patch(f"/v1/medias/{media_id}/tracks/{first}", json={"default": True})
    assert await defaults() == {first: True, second: False}
    await client.patch(f"/v1/medias/{media_id}/tracks/{first}", json={"default": False})
    assert await defaults() == {first: False, second: False}


async def test_what_is_left_out_stays_and_null_takes_away(client: httpx.AsyncClient, media_id: str) -> None:
    name = (await add(client, media_id, language="en", label="English")).json()["data"]["name"]
    edited = (await client.patch(f"/v1/medias/{media_id}/tracks/{name}", json={"label": None})).json()["data"]
    assert (edited["language"], edited["label"]) == ("en", None)


async def test_a_removed_one_is_gone(client: httpx.AsyncClient, media_id: str) -> None:
    name = (await add(client, media_id)).json()["data"]["name"]
    assert (await client.delete(f"/v1/medias/{media_id}/tracks/{name}")).status_code == 204
    assert (await client.get(f"/v1/medias/{media_id}/tracks")).json()["data"] == []
    assert (await client.delete(f"/v1/medias/{media_id}/tracks/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("data", "fields", "status", "code"),
    [
        (b"no captions", {}, 400, "text_unreadable"),
        (b"", {}, 400, "text_unreadable"),
        (SRT, {"language": "no language"}, 400, "invalid_request"),
        (SRT, {"role": "commentary"}, 400, "invalid_request"),
        (SRT, {"label": "two\nlines"}, 400, "invalid_request"),
        (SRT + bytes(2 << 20), {}, 413, "too_large"),
    ],
)
async def test_refused(
    data: bytes, fields: dict[str, str], status: int, code: str, client: httpx.AsyncClient, media_id: str
) -> None:
    answer = await add(client, media_id, data, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(f"/v1/medias/{media_id}/tracks")).json()["data"] == []


async def test_no_media(client: httpx.AsyncClient) -> None:
    nobody = f"/v1/medias/{uuid4()}/tracks"
    for answer in (
        await client.get(nobody),
        await client.post(nobody, files={"file": ("a.srt", SRT)}),
        await client.patch(f"{nobody}/text-1", json={"label": "x"}),
        await client.delete(f"{nobody}/text-1"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize("body", [{"role": None}, {"default": None}, {"kind": "audio"}, {"language": "x"}])
async def test_an_edit_that_makes_no_sense(body: dict[str, Any], client: httpx.AsyncClient, media_id: str) -> None:
    name = (await add(client, media_id)).json()["data"]["name"]
    assert (await client.patch(f"/v1/medias/{media_id}/tracks/{name}", json=body)).status_code in (400, 422)


async def test_there_is_an_end_to_them(client: httpx.AsyncClient, catalog: Catalog, media_id: str) -> None:
    for number in range(200):
        await catalog.tracks.add(UUID(media_id), Track(name=f"text-{number}", kind=TrackKind.TEXT))
    answer = await add(client, media_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_tracks")
