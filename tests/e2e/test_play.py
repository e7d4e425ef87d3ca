"""A viewer: hls.js in a real browser plays what was uploaded."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, Page

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server
from tests.e2e.player import Site
from tests.sources import FFMPEG, run

SEGMENT_S = 4


async def _open(browser: Browser, web: Site, url: str) -> Page:
    page = await browser.new_page()
    await page.goto(web.url)
    await page.evaluate("url => play(url)", url)
    return page


async def _until(page: Page, condition: str) -> None:
    try:
        await page.wait_for_function(condition, timeout=20_000)
    except Exception as error:
        state = await page.evaluate("({seen, time: video.currentTime, ready: video.readyState})")
        raise AssertionError(f"{condition}: {state}") from error


async def _seen(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("seen")
    return found


async def test_a_clip_plays_across_a_segment_boundary(server: Server, browser: Browser, web: Site) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    page = await _open(browser, web, server.url(media["stream_url"]))
    await _until(page, f"video.currentTime > {SEGMENT_S + 0.5}")
    assert await page.evaluate("video.videoHeight") in {360, 480, 720}
    assert await page.evaluate("video.buffered.start(0)") == 0
    assert (await _seen(page))["errors"] == []
    await page.close()


async def test_it_plays_to_its_end(server: Server, browser: Browser, web: Site) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    page = await _open(browser, web, server.url(media["stream_url"]))
    await _until(page, "video.ended")
    assert abs(await page.evaluate("video.duration") - 5.28) < 0.04
    assert (await _seen(page))["errors"] == []
    await page.close()


async def test_every_level_can_be_chosen(server: Server, browser: Browser, web: Site) -> None:
    media = server.stream(clip("bigbuckbunny.mp4"))
    page = await _open(browser, web, server.url(media["stream_url"]))
    await _until(page, "video.currentTime > 0")
    heights = (await _seen(page))["levels"]
    assert sorted(heights) == [360, 480, 720]
    for level, height in enumerate(heights):
        await page.evaluate("level => { hls.currentLevel = level; video.currentTime = 0.5; video.play() }", level)
        await _until(page, f"video.videoHeight == {height} && video.currentTime > 0.7 && !video.seeking")
    assert (await _seen(page))["errors"] == []
    await page.close()


async def test_sound_alone_plays(server: Server, browser: Browser, web: Site, tmp_path: Any) -> None:
    source = tmp_path / "tone.flac"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=frequency=330:duration=9", str(source))
    media = server.stream(source, "audio")
    assert {rendition["kind"] for rendition in media["renditions"]} == {"audio"}
    page = await _open(browser, web, server.url(media["stream_url"]))
    await _until(page, f"video.currentTime > {SEGMENT_S + 0.5}")
    assert (await _seen(page))["errors"] == []
    await page.close()
