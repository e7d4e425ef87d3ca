"""What a page of another site, open in somebody's browser, can do to a server that this browser reaches."""

from __future__ import annotations

import httpx
import pytest

from gilfoyle.catalog import Catalog, MediaStatus

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize("headers", [EVIL, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_it_changes_nothing(live: httpx.AsyncClient, catalog: Catalog, headers: dict[str, str]) -> None:
    media = await catalog.medias.create("Film")
    url = f"/v1/medias/{media.id}"
    answers = [
        await live.delete(url, headers=headers),
        await live.patch(url, json={"title": "x"}, headers=headers),
        await live.post("/v1/medias", json={"title": "x"}, headers=headers),
        await live.post("/v1/medias", content=b'{"title": "x"}', headers={**headers, "Content-Type": "text/plain"}),
        await live.post(f"{url}/upload/video", files={"file": bytes(4 << 20)}, headers=headers),
        await live.post(f"{url}/renditions/720p/retry", headers=headers),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "forbidden")] * 6
    [found], _total = await catalog.medias.page(10, 0)
    assert (found.title, found.status) == ("Film", MediaStatus.AWAITING_UPLOAD)


async def test_it_learns_no_ids(live: httpx.AsyncClient) -> None:
    answer = await live.get("/v1/medias", headers=EVIL)
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_its_own_name_made_to_lead_here_is_not_taken_for_ours(live: httpx.AsyncClient, catalog: Catalog) -> None:
    media = await catalog.medias.create("Film")
    headers = {"Host": f"evil.example:{live.base_url.port}", "Origin": f"http://evil.example:{live.base_url.port}"}
    for answer in (
        await live.get("/v1/medias", headers=headers),
        await live.delete(f"/v1/medias/{media.id}", headers={**headers, "Sec-Fetch-Site": "same-origin"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (421, "misdirected")
    assert (await catalog.medias.get(media.id)).title == "Film"


async def test_own_pages_still_can(live: httpx.AsyncClient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilfoyle.api.medias.DELETE_WAIT_S", 0)
    own = {"Origin": str(live.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    answer = await live.post("/v1/medias", json={"title": "Film"}, headers=own)
    assert answer.status_code == 201
    answer = await live.delete(f"/v1/medias/{answer.json()['data']['id']}", headers={"Origin": own["Origin"]})
    assert answer.status_code in (202, 204)
