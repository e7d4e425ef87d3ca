"""The built-in page, in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server
from tests.e2e.player import watched
from tests.reverse_proxy import reverse_proxy


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


async def test_it_plays_behind_a_proxy_under_a_path(server: Server, browser: Browser) -> None:
    media_id = server.create("Bunny")
    assert server.send(media_id, clip("bigbuckbunny.mp4")).status_code == 202
    said = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "127.0.0.1:{port}", "X-Forwarded-Prefix": "/gf"}
    with reverse_proxy(server.addresses["api"], "/gf", said) as outside:
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        answer = await page.request.get(f"{outside}/v1/medias/{media_id}")
        watch_url = (await answer.json())["data"]["watch_url"]
        assert watch_url.startswith(f"{outside}/watch/")
        await page.goto(watch_url)
        await watched(page, 4.5)
        await page.goto(f"{outside}/docs")
        await expect(page.locator(".opblock").first).to_be_visible(timeout=20_000)
        await expect(page.locator(".servers")).to_contain_text(outside)
        assert complaints == []
        await page.close()


async def test_the_servers_address_says_what_runs_there(server: Server, browser: Browser) -> None:
    with reverse_proxy(server.addresses["api"], "/gf", {"X-Forwarded-Prefix": "/gf"}) as outside:
        for address in (server.addresses["api"], f"{outside}/"):
            page = await browser.new_page()
            await page.goto(address)
            await expect(page.locator("pre")).to_contain_text(address.rstrip("/"))
            for link in await page.locator("a").all():
                href = await link.evaluate("each => each.href")
                assert (await page.request.get(href)).status == 200, href
            await page.close()
