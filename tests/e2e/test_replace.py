"""A media is replaced while somebody watches it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser

from tests.e2e.gilfoyle_server import Server, wait_for
from tests.e2e.player import Site, play, seen, until
from tests.sources import numbered, read_numbers


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Sixteen seconds, and ten."""
    folder = tmp_path_factory.mktemp("films")
    return numbered(folder / "first.mp4", "25", 400), numbered(folder / "second.mp4", "25", 250)


async def test_who_watches_sees_one_version_to_its_end_and_who_comes_later_the_next(
    server: Server, browser: Browser, web: Site, films: tuple[Path, Path]
) -> None:
    first, second = films
    media = server.stream(first)
    url = server.url(media["stream_url"])
    page = await play(browser, web, url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    await until(page, "video.currentTime > 0.5")

    path = f"/v1/medias/{media['id']}"
    with second.open("rb") as data:
        answer = server.http.put(f"{path}/source", content=data, params={"replace": "true", "file_name": "second.mp4"})
    assert answer.status_code == 202, answer.text
    replaced = wait_for(lambda: (now := server.media(media["id"]))["version"] == 2 and now, 60)
    assert (replaced["id"], replaced["stream_url"]) == (media["id"], media["stream_url"])
    assert (replaced["status"], replaced["replacement"], replaced["file_name"]) == ("Ready", None, "second.mp4")

    await until(page, "video.ended")
    assert await page.evaluate("video.currentTime") > 15.5
    assert (await seen(page))["errors"] == []
    assert not any("/2/" in each for each in asked)
    await page.close()

    page = await play(browser, web, url)
    await until(page, "video.ended")
    assert 9.5 < await page.evaluate("video.duration") < 10.5
    assert (await seen(page))["errors"] == []
    await page.close()
    folder = server.objects(media["id"]) / "2"
    for rendition in replaced["renditions"]:
        if rendition["kind"] == "video":
            assert read_numbers(folder / rendition["name"] / "index.m3u8") == list(range(250))


async def test_the_same_file_by_another_ladder(server: Server, films: tuple[Path, Path]) -> None:
    media = server.stream(films[1])
    ladder = {"video": [{"height": 240, "max_kbps": 400}, {"height": 144, "max_kbps": 200}]}
    answer = server.http.post(f"/v1/medias/{media['id']}/replacement", json=ladder)
    assert answer.status_code == 202, answer.text
    encoded = wait_for(lambda: (now := server.media(media["id"]))["version"] == 2 and now, 60)
    assert [each["name"] for each in encoded["renditions"] if each["kind"] == "video"] == ["180p", "144p"]
    assert encoded["source_sha256"] == media["source_sha256"]
    folder = server.objects(media["id"]) / "2"
    assert read_numbers(folder / "180p" / "index.m3u8") == list(range(250))
