"""A web page that plays a stream with hls.js and notes what happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
    hls.on(Hls.Events.ERROR, (_, data) => seen.errors.push(data.details));
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
