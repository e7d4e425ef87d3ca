"""What the world's clients of tus send arrives byte for byte: through two API processes, cuts and kills."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser

from gilfoyle.config import FilesystemSettings, IpfsSettings, S3Settings, StorageSettings
from gilfoyle.storage import keys, open_storage
from tests.conftest import free_port
from tests.e2e.balancer import Balancer, balancing
from tests.e2e.gilfoyle_server import Server, is_ready, wait_for
from tests.e2e.tus_page import run_in, tus_site, upload_in
from tests.kubo_node import KuboNode
from tests.processes import heeding_signals
from tests.seaweed import Seaweed

CLIENTS = ["tuspy", "tus-js-client", "uppy"]
_TUSPY = """
import sys
from tusclient.client import TusClient
TusClient(sys.argv[1]).uploader(
    sys.argv[2], chunk_size=8 << 20, upload_checksum=True, retries=20, retry_delay=1, metadata={"filename": "film.mp4"}
).upload()
"""
_STORES = {"filesystem": FilesystemSettings, "s3": S3Settings, "ipfs": IpfsSettings}


class Api:
    """One API process, on a port of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self._environment = {**os.environ, **environment, "GILFOYLE_SERVER__PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None
        self.killed = 0

    def start(self) -> None:
        with heeding_signals():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gilfoyle", "api"], env=self._environment, stderr=subprocess.DEVNULL
            )

    def stop(self) -> None:
        """As a power cut does."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        self.stop()
        self.killed += 1
        self.start()


@dataclass(frozen=True)
class Site:
    """Two API processes behind a balancer, and what they store."""

    url: str
    balancer: Balancer
    apis: list[Api]
    http: httpx.Client
    storage: StorageSettings

    def order(self) -> str:
        """The URL of a new upload."""
        answer = self.http.post("/v1/uploads", json={})
        assert answer.status_code == 201, answer.text
        # The address at which the request came in is that of the balancer.
        return str(answer.json()["data"]["url"])

    async def stored(self, url: str) -> tuple[str, str]:
        """What became of an upload: its status, and the SHA-256 of what is stored."""
        upload = self.http.get(url).json()["data"]
        digest = hashlib.sha256()
        storage = open_storage(self.storage)
        try:
            async for piece in storage.stream(keys.source(upload["media_id"])):
                digest.update(piece)
        finally:
            await storage.close()
        return upload["status"], digest.hexdigest()


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest,
    server: Server,
    s3_service: Seaweed,
    kubo: KuboNode,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """On that storage. The workflows stay in a queue that nobody works on."""
    name = uuid4().hex[:8]
    own = {
        "filesystem": {"path": str(tmp_path_factory.mktemp("media"))},
        "s3": {
            "bucket": s3_service.bucket,
            "prefix": name,
            "endpoint": s3_service.endpoint,
            "access_key_id": s3_service.access_key,
            "secret_access_key": s3_service.secret_key,
        },
        "ipfs": {"api": kubo.api, "folder": f"/{name}"},
    }[request.param]
    storage = StorageSettings(driver=request.param, **{request.param: _STORES[request.param](**own)})
    environment = {
        "GILFOYLE_DATABASE__URL": server.addresses["database_url"],
        "GILFOYLE_TEMPORAL__ADDRESS": server.addresses["temporal_address"],
        "GILFOYLE_TEMPORAL__QUEUE_PREFIX": name,
        "GILFOYLE_STORAGE__DRIVER": request.param,
        **{f"GILFOYLE_STORAGE__{request.param.upper()}__{key.upper()}": str(value) for key, value in own.items()},
    }
    apis = [Api(environment), Api(environment)]
    with ExitStack() as parts:
        for api in apis:
            parts.callback(api.stop)
            api.start()
        url, balancer = parts.enter_context(balancing([api.port for api in apis]))
        http = parts.enter_context(httpx.Client(base_url=url, timeout=60, headers={"Connection": "close"}))
        for api in apis:
            with httpx.Client(base_url=f"http://127.0.0.1:{api.port}") as direct:
                wait_for(lambda direct=direct: is_ready(direct), 60)
        yield Site(url, balancer, apis, http, storage)


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    with tus_site() as address:
        yield address


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("film") / "film.mp4", 48 << 20)


def made(path: Path, size: int) -> Path:
    """A file of that size that no compression makes smaller."""
    rng = Random(size)
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(rng.randbytes(1 << 20))
    return path


async def send(client: str, site: Site, browser: Browser, pages: str, url: str, file: Path) -> None:
    """As that client does it by itself."""
    if client != "tuspy":
        await upload_in(browser, pages, client, url, file)
        return
    # In a process of its own: it leaves files open.
    command = [sys.executable, "-c", _TUSPY, url, str(file)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=600, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(("site", "client"), [*zip(_STORES, CLIENTS, strict=True)], indirect=["site"])
async def test_it_arrives_through_cuts_and_two_servers(
    site: Site, browser: Browser, pages: str, film: Path, client: str
) -> None:
    url, size = site.order(), film.stat().st_size
    site.balancer.plan({size * part // 4: None for part in (1, 2, 3)})
    await send(client, site, browser, pages, url, film)
    assert site.balancer.happened == 3
    assert await site.stored(url) == ("asset_created", hashlib.sha256(film.read_bytes()).hexdigest())


@pytest.mark.parametrize("site", ["s3"], indirect=True)
async def test_it_arrives_by_several_connections(site: Site, browser: Browser, pages: str, film: Path) -> None:
    url = site.order()
    site.balancer.plan({film.stat().st_size // 2: None})
    await upload_in(browser, pages, "parallel", url, film)
    assert site.balancer.happened == 1
    assert await site.stored(url) == ("asset_created", hashlib.sha256(film.read_bytes()).hexdigest())


@pytest.mark.parametrize("site", ["s3"], indirect=True)
async def test_a_page_sends_the_parts_straight_to_the_bucket(
    site: Site, browser: Browser, pages: str, film: Path
) -> None:
    """As the documentation has it."""
    guide = (Path(__file__).parents[2] / "docs" / "uploads.md").read_text().partition("## Straight to the bucket")[2]
    code = guide.partition("```js\n")[2].partition("```")[0]
    url = site.order()
    site.balancer.plan({})
    await run_in(browser, pages, code, url, film)
    assert await site.stored(url) == ("asset_created", hashlib.sha256(film.read_bytes()).hexdigest())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("site", _STORES, indirect=True)
async def test_a_gibibyte_arrives_through_ten_cuts_and_three_kills(
    site: Site, browser: Browser, pages: str, tmp_path: Path, client: str
) -> None:
    file = made(tmp_path / "large.mp4", 1 << 30)
    cuts: dict[int, Callable[[], None] | None] = {(part << 30) // 14: None for part in range(1, 14) if part % 4}
    kills = {(part << 30) // 14: site.apis[part % 2].restart for part in (4, 9, 12)}
    cuts |= kills
    url, killed = site.order(), sum(api.killed for api in site.apis)
    site.balancer.plan(cuts)
    await send(client, site, browser, pages, url, file)
    assert site.balancer.happened == len(cuts)
    assert sum(api.killed for api in site.apis) == killed + 3
    with file.open("rb") as content:
        assert await site.stored(url) == ("asset_created", hashlib.file_digest(content, "sha256").hexdigest())
