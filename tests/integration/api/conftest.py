"""The real app, on real PostgreSQL, Temporal and files: called directly, and served on a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from gilfoyle.api.app import create_app
from gilfoyle.api.server import Server, configure
from gilfoyle.catalog import DEFAULT_PROJECT, Catalog, Media, Rendition
from gilfoyle.config import (
    DatabaseSettings,
    FilesystemSettings,
    IpfsSettings,
    LimitSettings,
    S3Settings,
    ServerSettings,
    Settings,
    StorageSettings,
    TemporalSettings,
)
from gilfoyle.storage import FilesystemStorage, Storage, keys, open_storage
from tests.integration.api.calling import calling
from tests.kubo_node import KuboNode

UPLOAD_LIMIT = 8 << 20
ROOMY_LIMIT = 32 << 20


@pytest.fixture
def settings(catalog: Catalog, database_url: str, temporal_address: str, tmp_path: Path) -> Settings:
    return Settings(
        server=ServerSettings(port=0),
        storage=StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "media")),
        database=DatabaseSettings(url=database_url, pool_size=5),
        temporal=TemporalSettings(address=temporal_address),
        limits=LimitSettings(upload_bytes=UPLOAD_LIMIT),
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the app directly."""
    async with calling(settings) as client:
        yield client


@pytest.fixture
async def live(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the app through uvicorn and a socket."""
    with served(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            yield client


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[FilesystemStorage]:
    storage = FilesystemStorage(settings.storage.filesystem.path)
    yield storage
    await storage.close()


@pytest.fixture(scope="session")
async def temporal(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
def outage(settings: Settings) -> Callable[[str], Settings]:
    """The settings, with `database` or `temporal` at an address where nobody listens."""

    def without(part: str) -> Settings:
        change: dict[str, object] = {
            "database": DatabaseSettings(url="postgresql://x@127.0.0.1:1/x"),
            "temporal": TemporalSettings(address="127.0.0.1:1"),
        }
        return settings.model_copy(update={part: change[part]})

    return without


@pytest.fixture(params=["filesystem", "s3", "ipfs"])
def kept_in(request: pytest.FixtureRequest, settings: Settings, s3_settings: S3Settings, kubo: KuboNode) -> Settings:
    """The settings, with that backend and room for the film."""
    storage = settings.storage
    if request.param == "s3":
        storage = StorageSettings(driver="s3", s3=s3_settings)
    elif request.param == "ipfs":
        ipfs = IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}")
        storage = StorageSettings(driver="ipfs", ipfs=ipfs)
    return settings.model_copy(update={"storage": storage, "limits": LimitSettings(upload_bytes=ROOMY_LIMIT)})


@pytest.fixture
async def servers(kept_in: Settings) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two of them, each with connections and a memory of its own."""
    with served(kept_in) as first, served(kept_in) as second:
        async with (
            httpx.AsyncClient(base_url=first, timeout=60) as one,
            httpx.AsyncClient(base_url=second, timeout=60) as two,
        ):
            yield [one, two]


@pytest.fixture
async def kept(kept_in: Settings) -> AsyncIterator[Storage]:
    storage = open_storage(kept_in.storage)
    yield storage
    await storage.close()


def served(settings: Settings) -> AbstractContextManager[str]:
    """The app on a free port, in a thread of its own; gives its address."""
    return serving(create_app(settings), settings.server)


@contextmanager
def serving(app: Any, settings: ServerSettings) -> Iterator[str]:
    """Any ASGI application, as `served`."""
    server = Server(configure(app, settings))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


async def processing(
    catalog: Catalog, title: str = "Film", storage: str = "filesystem", project: str = DEFAULT_PROJECT
) -> Media:
    """A media whose upload was accepted and whose ladder is planned, without a workflow."""
    media = await catalog.medias.create(title, storage=storage, project=project)
    await catalog.uploads.accept(media.id, kind="video", file_name="film.mp4", size=3, sha256="0" * 64)
    ladder = [
        Rendition(name="720p", kind="video", position=0, width=1280, height=720, segments=4),
        Rendition(name="audio-128k", kind="audio", position=1, channels=2, segments=4),
    ]
    await catalog.encodings.plan(media.id, 1, [], probe=({"container": "mov"}, 16.0))
    await catalog.encodings.plan(media.id, 1, ladder)
    return await catalog.medias.get(media.id)


async def address(catalog: Catalog, media_id: UUID) -> str:
    """Where the first encoding of a media is played."""
    return f"/stream/{(await catalog.playback.of(media_id))[0]}/1"


async def playable(
    catalog: Catalog, storage: Storage, project: str = DEFAULT_PROJECT, *, driver: str = "filesystem"
) -> UUID:
    """A media that can be played, with the objects that its stream consists of. `driver` is the storage's."""
    media = await processing(catalog, storage=driver, project=project)
    files = {
        "master.m3u8": b"#EXTM3U\n720p/index.m3u8\n" * 20,
        "720p/index.m3u8": b"#EXTM3U\n00000.m4s\n",
        "720p/init.mp4": b"init",
        "720p/00000.m4s": bytes(range(256)) * 20,
        "audio-128k/init.mp4": b"ainit",
        "audio-128k/00000.m4s": b"audio",
        "poster.jpg": b"jpeg",
    }
    for path, data in files.items():
        await storage.write(f"{keys.encoding_prefix(media.id, 1)}/{path}", data)
    await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.25)
    return media.id


async def eventually(check: Callable[[], object], seconds: float = 10) -> None:
    """Wait until an async check no longer fails."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await check()  # type: ignore[misc]
            except AssertionError:
                await asyncio.sleep(0.05)
            else:
                return
