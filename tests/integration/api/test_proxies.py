"""Behind a reverse proxy, under a name and a path that only the proxy knows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import uvicorn

from gilfoyle.api import server
from gilfoyle.catalog import Catalog
from gilfoyle.config import ServerSettings, Settings
from gilfoyle.storage import FilesystemStorage
from tests.integration.api.conftest import playable, served
from tests.reverse_proxy import reverse_proxy

SAID = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "media.example.org", "X-Forwarded-Prefix": "/gf"}


@asynccontextmanager
async def proxied(
    settings: Settings, headers: dict[str, str], prefix: str = "/gf", *, keep_host: bool = False, **changes: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a proxy, which takes the prefix off; relative paths are below it."""
    own = settings.server.model_copy(update=changes)
    with (
        served(settings.model_copy(update={"server": own})) as url,
        reverse_proxy(url, prefix, headers, keep_host=keep_host) as outside,
    ):
        async with httpx.AsyncClient(base_url=f"{outside}/", timeout=30) as client:
            yield client


async def shown(client: httpx.AsyncClient, catalog: Catalog, storage: FilesystemStorage) -> tuple[str, str]:
    """Where a media is played and watched, as one is told who asks for it; the same in a list."""
    media_id = await playable(catalog, storage)
    media = (await client.get(f"v1/medias/{media_id}")).json()["data"]
    [listed] = (await client.get("v1/medias")).json()["data"]
    assert (listed["stream_url"], listed["watch_url"]) == (media["stream_url"], media["watch_url"])
    return media["stream_url"], media["watch_url"]


async def test_addresses_are_those_that_the_client_can_reach(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    async with proxied(settings, SAID) as client:
        stream_url, watch_url = await shown(client, catalog, storage)
        assert stream_url.startswith("https://media.example.org/gf/stream/")
        assert watch_url.startswith("https://media.example.org/gf/watch/")
        assert (await client.get("openapi.json")).json()["servers"] == [{"url": "https://media.example.org/gf"}]
        assert (await client.get(urlsplit(stream_url).path.removeprefix("/gf/"))).text.startswith("#EXTM3U")
        created = await client.post("v1/medias", json={"title": "Film"})
        media_id = created.json()["data"]["id"]
        files = {"file": ("de.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n")}
        track = await client.post(f"v1/medias/{media_id}/tracks", files=files)
        assert track.headers["Location"].startswith(f"https://media.example.org/gf/v1/medias/{media_id}/tracks/")


async def test_a_proxy_that_hands_its_host_on(settings: Settings, catalog: Catalog, storage: FilesystemStorage) -> None:
    said = {"X-Forwarded-Prefix": "/gf"}
    async with proxied(settings, said, keep_host=True) as client:
        stream_url, _ = await shown(client, catalog, storage)
        assert stream_url.startswith(f"{str(client.base_url).rstrip('/')}/stream/")
        assert (await client.get(stream_url)).status_code == 200


@pytest.mark.parametrize("page", ["docs", "redoc"])
async def test_the_pages_of_the_api_load_what_they_need(settings: Settings, page: str) -> None:
    async with proxied(settings, SAID) as client:
        answer = await client.get(page)
        assert answer.status_code == 200
        needed = re.findall(r"""(?:src|href|spec-url)=["']([^"']+)["']|url: ["']([^"']+)["']""", answer.text)
        paths = [path for pair in needed for path in pair if path and not path.startswith(("data:", "https://"))]
        assert "openapi.json" in paths and len(paths) >= 3
        for path in paths:
            assert (await client.get(urljoin(str(answer.url), path))).status_code == 200, path


async def test_the_page_to_watch_loads_what_it_needs(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    async with proxied(settings, SAID) as client:
        _, watch_url = await shown(client, catalog, storage)
        answer = await client.get(urlsplit(watch_url).path.removeprefix("/gf/"))
        needed = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert len(needed) == 3
        for path in [*needed, f"{watch_url.rsplit('/', 1)[1]}/state"]:
            assert (await client.get(urljoin(str(answer.url), path))).status_code == 200, path


async def test_who_is_not_trusted_is_not_believed(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    async with proxied(settings, SAID, trusted_proxies=["192.0.2.0/24"]) as client:
        stream_url, _ = await shown(client, catalog, storage)
        assert re.match(r"http://127\.0\.0\.1:\d+/stream/", stream_url)


async def test_the_setting_wins_over_what_a_proxy_says(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage
) -> None:
    async with proxied(settings, SAID, public_url="https://films.example/tv") as client:
        stream_url, watch_url = await shown(client, catalog, storage)
        assert stream_url.startswith("https://films.example/tv/stream/")
        assert watch_url.startswith("https://films.example/tv/watch/")
        assert (await client.get("openapi.json")).json()["servers"] == [{"url": "https://films.example/tv"}]
        assert (await client.get("docs")).status_code == 200


@pytest.mark.parametrize("prefix", ["/v1", "/stream", "/static", "/a/b"])
async def test_any_path_will_do(settings: Settings, catalog: Catalog, storage: FilesystemStorage, prefix: str) -> None:
    async with proxied(settings, {**SAID, "X-Forwarded-Prefix": prefix}, prefix) as client:
        stream_url, _ = await shown(client, catalog, storage)
        assert stream_url.startswith(f"https://media.example.org{prefix}/stream/")


async def test_pages_of_the_proxys_own_host_may_change_something(settings: Settings) -> None:
    """Of a browser that tells where a page comes from by Origin alone."""
    async with proxied(settings, SAID) as client:
        for origin, status in (("https://media.example.org", 201), ("https://evil.example", 403)):
            answer = await client.post("v1/medias", json={"title": "Film"}, headers={"Origin": origin})
            assert answer.status_code == status


async def test_mounted_under_a_root_path(
    settings: Settings, catalog: Catalog, storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `uvicorn --root-path` does it, behind a proxy that takes it off and says nothing."""

    def rooted(*arguments: Any, **named: Any) -> uvicorn.Config:
        return uvicorn.Config(*arguments, root_path="/gf", **named)

    monkeypatch.setattr(server, "uvicorn", type("Rooted", (), {"Config": staticmethod(rooted)}))
    async with proxied(settings, {}, keep_host=True) as client:
        stream_url, _ = await shown(client, catalog, storage)
        assert stream_url.startswith(f"{str(client.base_url).rstrip('/')}/stream/")
        answer = await client.get(stream_url, headers={"Origin": "https://player.example"})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
        media_id = (await client.post("v1/medias", json={"title": "Film"})).json()["data"]["id"]
        large = await client.put(f"v1/medias/{media_id}/source", content=bytes(2 << 20))
        assert large.status_code == 202


async def test_a_forwarded_host_is_no_way_around_the_check_of_hosts(settings: Settings) -> None:
    own = ServerSettings(port=0, host="127.0.0.1")
    with served(settings.model_copy(update={"server": own})) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
            assert (await client.get("/v1/medias", headers=headers)).status_code == 421
