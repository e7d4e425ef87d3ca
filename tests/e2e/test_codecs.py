"""A ladder of several codecs, in a browser that takes some of them."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.async_api import Browser

from tests.clips import clip
from tests.e2e.gilfoyle_server import up
from tests.e2e.player import Site, play, seen, until

LADDER = [{"height": 180, "max_kbps": 500, "codec": codec} for codec in ("h264", "hevc", "av1", "vp9")]


async def test_each_codec_that_a_browser_takes_plays(browser: Browser, web: Site, tmp_path: Path) -> None:
    """Chromium decodes all but HEVC by itself; hls.js leaves out what it can't play, and goes from one to another."""
    with up(tmp_path, GILFOYLE_ENCODING__VIDEO=json.dumps(LADDER)) as server:
        media = server.stream(clip("bigbuckbunny.mp4"))
        codecs = {each["name"]: (each["codecs"] or "")[:5] for each in media["renditions"] if each["kind"] == "video"}
        assert codecs == {"180p": "avc1.", "180p-hevc": "hvc1.", "180p-av1": "av01.", "180p-vp9": "vp09."}
        for codec in ("avc1", "av01", "vp09"):
            page = await play(browser, web, server.url(media["stream_url"]))
            await until(page, "video.currentTime > 0")
            level = await page.evaluate("codec => hls.levels.findIndex(l => l.videoCodec.startsWith(codec))", codec)
            assert level >= 0, codec
            await page.evaluate("level => { hls.currentLevel = level; video.currentTime = 0.5; video.play() }", level)
            await until(page, "video.ended")
            assert abs(await page.evaluate("video.duration") - 5.28) < 0.05
            assert (await seen(page))["errors"] == []
            await page.close()
