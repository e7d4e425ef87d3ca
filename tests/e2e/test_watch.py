"""The built-in page, in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server
from tests.e2e.player import watched


async def test_it_plays_from_the_upload_to_the_end_without_a_reload(server: Server, browser: Browser) -> None:
    media_id = server.create("<b>Bunny</b>")
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(server.media(media_id)["watch_url"])
    await expect(page.locator("p")).to_contain_text("AwaitingUpload")
    assert server.send(media_id, clip("bigbuckbunny.mp4")).status_code == 202
    await expect(page.locator("p")).to_have_text("<b>Bunny</b>", timeout=30_000)
    await watched(page, 4.5)
    assert complaints == []
    await page.close()


async def test_it_says_why_there_is_nothing_to_watch(server: Server, browser: Browser, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("not a film")
    media_id = server.create()
    server.send(media_id, letter)
    page = await browser.new_page()
    await page.goto(server.media(media_id)["watch_url"])
    await expect(page.locator("p")).to_contain_text("not a video", timeout=10_000)
    await page.close()
    assert server.http.get("/watch/nobody").status_code == 404
