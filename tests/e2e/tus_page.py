"""A page of another site that uploads by tus-js-client or Uppy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.async_api import Browser

from tests.reverse_proxy import serving

BUNDLES = Path(__file__).with_name("bundles")
_PAGE = """<!doctype html>
<input type="file">
<script src="/tus.min.js"></script>
<script src="/uppy.min.js"></script>
<script>
  const file = () => document.querySelector("input").files[0];
  const retryDelays = [0, 1000, 3000, 5000, 10000, 20000];  // as docs/uploads.md has them
  const clients = {
    "tus-js-client": (url) => new Promise((done, failed) => new tus.Upload(file(), {
      endpoint: url, retryDelays, metadata: {filename: file().name, filetype: "video/mp4"},
      onError: (error) => failed(new Error(String(error))), onSuccess: () => done(),
    }).start()),
    parallel: (url) => new Promise((done, failed) => new tus.Upload(file(), {
      endpoint: url, retryDelays, parallelUploads: 4, metadata: {filename: file().name, filetype: "video/mp4"},
      onError: (error) => failed(new Error(String(error))), onSuccess: () => done(),
    }).start()),
    uppy: async (url) => {
      const uppy = new Uppy.Uppy().use(Uppy.Tus, {endpoint: url, limit: 1, retryDelays});
      uppy.addFile({name: file().name, type: "video/mp4", data: file()});
      const result = await uppy.upload();
      if (result.failed.length) throw new Error(String(result.failed[0].error));
    },
  };
</script>
"""


@contextmanager
def tus_site() -> Iterator[str]:
    """The page on a free port; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            bundle = BUNDLES / self.path[1:]
            found = self.path.endswith(".js") and bundle.is_file()
            body = bundle.read_bytes() if found else _PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if found else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}/"


async def upload_in(browser: Browser, site: str, client: str, url: str, file: Path) -> None:
    """Have a page upload the file to `url`. Raises what the client says if it gives up."""
    await _evaluate(browser, site, "([client, url]) => clients[client](url)", [client, url], file)


async def run_in(browser: Browser, site: str, code: str, url: str, file: Path) -> None:
    """Have a page run code that knows the `url` and the `file`. Raises what it raises."""
    script = f"async ([url]) => {{ const file = document.querySelector('input').files[0];\n{code} }}"
    await _evaluate(browser, site, script, [url], file)


async def _evaluate(browser: Browser, site: str, script: str, given: list[str], file: Path) -> None:
    page = await browser.new_page()
    try:
        await page.goto(site)
        await page.set_input_files("input", file)
        await page.evaluate(script, given)
    finally:
        await page.close()
