"""Signed playback in a browser: every request of a player has the token, though only the first address had."""

from __future__ import annotations

import time

import jwt
from playwright.async_api import Browser

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server
from tests.e2e.player import Site, play, seen, until, watched


async def test_it_plays_with_a_token_here_and_elsewhere(server: Server, browser: Browser, web: Site) -> None:
    made = server.http.post("/v1/medias", json={"title": "Bunny", "playback_policy": "signed"}).json()["data"]
    assert server.send(made["id"], clip("bigbuckbunny.mp4")).status_code == 202
    (playback_id,) = made["playback_ids"]
    key = server.http.post("/v1/signing-keys", json={"algorithm": "EdDSA"}).json()["data"]
    claims = {"sub": playback_id, "exp": int(time.time()) + 600}
    token = jwt.encode(claims, key["private_key"], "EdDSA", headers={"kid": key["id"]})

    page = await browser.new_page()
    answer = await page.goto(made["watch_url"])
    assert answer is not None and answer.status == 403
    await page.goto(f"{made['watch_url']}?token={token}")
    await watched(page, 4.5)
    await page.close()

    media = server.wait(made["id"])
    assert media["status"] == "Ready"
    asked: list[str] = []
    page = await play(browser, web, f"{media['stream_url']}?token={token}", asked)
    await until(page, "video.currentTime > 3")
    assert (await seen(page))["errors"] == []
    await page.close()
    below = [url for url in asked if "/stream/" in url and "?" not in url]
    assert len(below) > 3 and all(f"/stream/{playback_id}/1/~{token}/" in url for url in below)

    assert server.http.post(f"/v1/signing-keys/{key['id']}/revoke").status_code == 200
    refused = server.http.get(below[-1])
    assert (refused.status_code, refused.json()["code"]) == (403, "token_revoked")
