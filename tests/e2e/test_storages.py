"""The main job on each kind of storage: upload, encode, play, delete, with nothing left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Response

from tests.clips import clip
from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up, wait_for
from tests.e2e.player import Site, seen, until, watched
from tests.e2e.stores import ipfs_variables, objects, s3_variables
from tests.kubo_node import KuboNode
from tests.seaweed import Seaweed

FILM = "bigbuckbunny.mp4"
OTHER = "carphone_pristine.mp4"
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"


@pytest.fixture(scope="module")
def proxied(folder: Path, s3_service: Seaweed) -> Iterator[Server]:
    with _up(folder / "proxied", s3_variables(s3_service, "proxied")) as server:
        yield server


@pytest.fixture(scope="module")
def redirected(folder: Path, s3_service: Seaweed) -> Iterator[Server]:
    with _up(folder / "redirected", s3_variables(s3_service, "redirected", s3__serve="redirect")) as server:
        yield server


@pytest.fixture(scope="module")
def on_ipfs(folder: Path, kubo: KuboNode) -> Iterator[Server]:
    with _up(folder / "ipfs", ipfs_variables(kubo)) as server:
        yield server


@contextmanager
def _up(folder: Path, settings: dict[str, str]) -> Iterator[Server]:
    folder.mkdir()
    with up(folder, **settings, **ONE_RUNG, GILFOYLE_STORAGE__REPLACED_KEEP_S="0") as server:
        yield server


async def _plays(browser: Browser, web: Site, url: str) -> set[str]:
    """Play a stream from one end to the other; returns the hosts that segments came from."""
    page = await browser.new_page()
    hosts: set[str] = set()
    page.on("response", lambda answer: hosts.add(urlsplit(answer.url).netloc) if _is_segment(answer) else None)
    await page.goto(web.url)
    await page.evaluate("url => play(url)", url)
    await until(page, "video.ended")
    assert (await seen(page))["errors"] == []
    await page.close()
    return hosts


def _is_segment(answer: Response) -> bool:
    return answer.status == 200 and urlsplit(answer.url).path.endswith(".m4s")


async def test_from_a_bucket_through_the_api(proxied: Server, s3_service: Seaweed, browser: Browser, web: Site) -> None:
    media = proxied.stream(clip(FILM))
    assert media["storage"] == "s3"
    assert await _plays(browser, web, proxied.url(media["stream_url"])) == {urlsplit(proxied.url("")).netloc}
    assert f"{media['id']}/source" in objects(s3_service, "proxied")
    assert not proxied.objects(media["id"]).exists()
    segment = proxied.http.get(proxied.stream_path(media["id"], "360p/00000.m4s"), headers={"Range": "bytes=10-19"})
    assert (segment.status_code, len(segment.content)) == (206, 10)
    _published_and_replaced(proxied, media)
    assert {key.split("/")[1] for key in objects(s3_service, "proxied")} == {"2", "source-2", "text"}
    assert proxied.http.delete(f"/v1/medias/{media['id']}").status_code == 204
    assert objects(s3_service, "proxied") == []


@pytest.mark.slow
async def test_from_a_bucket_by_redirects(redirected: Server, s3_service: Seaweed, browser: Browser, web: Site) -> None:
    media = redirected.stream(clip(FILM))
    url = redirected.url(media["stream_url"])
    assert await _plays(browser, web, url) == {f"{s3_service.host}:{s3_service.port}"}
    page = await browser.new_page()
    await page.goto(media["watch_url"])
    await watched(page, 4.5)
    await page.close()
    assert redirected.http.delete(f"/v1/medias/{media['id']}").status_code == 204
    assert objects(s3_service, "redirected") == []


async def test_from_ipfs_through_the_api_and_from_a_gateway(
    on_ipfs: Server, kubo: KuboNode, browser: Browser, web: Site
) -> None:
    before = _pins(kubo)
    media = on_ipfs.stream(clip(FILM))
    assert media["storage"] == "ipfs"
    api = urlsplit(on_ipfs.url("")).netloc
    assert await _plays(browser, web, on_ipfs.url(media["stream_url"])) == {api}
    cid = media["cid"]
    gateway = f"{kubo.gateway}/ipfs/{cid}/master.m3u8"
    assert await _plays(browser, web, gateway) == {urlsplit(kubo.gateway).netloc}
    assert _pins(kubo) - before == {cid}
    captioned, replaced = _published_and_replaced(on_ipfs, media)
    assert len({cid, captioned["cid"], replaced["cid"]}) == 3
    wait_for(lambda: _pins(kubo) - before == {replaced["cid"]})
    master = await asyncio.to_thread(httpx.get, f"{kubo.gateway}/ipfs/{replaced['cid']}/master.m3u8")
    assert "#EXT-X-MEDIA:TYPE=SUBTITLES" in master.text
    assert on_ipfs.http.delete(f"/v1/medias/{media['id']}").status_code == 204
    assert _pins(kubo) == before
    assert kubo.run("files", "ls", "/gilfoyle") == ""


def _published_and_replaced(server: Server, media: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Captions are added to a media that is Ready, and then another file takes its place; the media after each."""
    path = f"/v1/medias/{media['id']}"
    answer = server.http.post(f"{path}/tracks", files={"file": ("en.vtt", VTT)}, data={"language": "en"})
    assert answer.status_code == 201, answer.text
    wait_for(lambda: "SUBTITLES" in server.http.get(server.url(media["stream_url"])).text)
    segment = server.stream_path(media["id"], "360p/00000.m4s")
    before = server.http.get(segment).content
    if media["cid"]:
        wait_for(lambda: server.media(media["id"])["cid"] != media["cid"])
    captioned = server.media(media["id"])
    source = clip(OTHER).read_bytes()
    answer = server.http.put(f"{path}/source", content=source, params={"replace": "true", "file_name": OTHER})
    assert answer.status_code == 202, answer.text
    assert server.http.get(segment).content == before
    replaced = wait_for(lambda: (now := server.media(media["id"]))["version"] == 2 and now, 60)
    assert (replaced["status"], replaced["file_name"]) == ("Ready", OTHER)
    wait_for(lambda: server.http.get(segment).status_code == 404)
    playlist = server.http.get(server.url(replaced["stream_url"])).text
    assert "2/144p/index.m3u8" in playlist and "SUBTITLES" in playlist
    return captioned, replaced


def _pins(kubo: KuboNode) -> set[str]:
    """The node's own among them, and those of other tests."""
    return set(kubo.run("pin", "ls", "--type=recursive", "--quiet").split())
