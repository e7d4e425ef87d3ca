"""A web page that plays a stream with hls.js and notes what happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.async_api import Browser, Page

from gilfoyle.api.watch import STATIC

HLS_JS = STATIC / "hls.min.js"

_PAGE = """<!doctype html>
<video id="video" muted playsinline></video>
<script src="/hls.js"></script>
<script>
  const video = document.getElementById("video");
  const seen = {errors: [], levels: [], switched: []};
  function play(url) {
    const hls = window.hls = new Hls({maxBufferLength: 8});
    // "aborted": hls.js gave up a load of its own, as it does when another level is chosen in the middle of one.
    // Then it may also append once what is still buffered; a segment that never adds anything is appended again.
    const own = data => data.details === "aborted" || data.appendsWithoutProgress === 1;
    hls.on(Hls.Events.ERROR, (_, data) => own(data) || seen.errors.push(data.details));
    hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => seen.levels = data.levels.map(l => l.height || l.bitrate));
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, data) => seen.switched.push(data.level));
    hls.loadSource(url);
    hls.attachMedia(video);
    return video.play();
  }
</script>
"""


@dataclass(frozen=True)
class Site:
    """Where the page is."""

    url: str


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        script = self.path == "/hls.js"
        body = HLS_JS.read_bytes() if script else _PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def site() -> Iterator[Site]:
    """Serve the page on a free port."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{httpd.server_address[1]}/")
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


async def play(browser: Browser, web: Site, url: str, asked: list[str] | None = None) -> Page:
    """The page, playing the stream. What it requests from then on is noted in `asked`."""
    page = await browser.new_page()
    await page.goto(web.url)
    if asked is not None:
        page.on("request", lambda request: asked.append(request.url))
    await page.evaluate("url => play(url)", url)
    return page


async def until(page: Page, condition: str, seconds: float = 20) -> None:
    """Wait until a JavaScript expression is true."""
    try:
        await page.wait_for_function(condition, timeout=seconds * 1000)
    except Exception as error:
        state = await page.evaluate("({seen, time: video.currentTime, ready: video.readyState})")
        raise AssertionError(f"{condition}: {state}") from error


async def seen(page: Page) -> dict[str, Any]:
    """What the player has noted: errors, levels, switches."""
    found: dict[str, Any] = await page.evaluate("seen")
    return found


async def watched(page: Page, seconds: float) -> None:
    """Wait until the watch page has played so far. Its policy forbids evaluated scripts, as `until` needs them."""
    for _ in range(200):
        if await page.evaluate("document.querySelector('video').currentTime") > seconds:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the page has not played {seconds} s")
