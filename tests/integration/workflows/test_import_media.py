"""Imports by the workers that production runs: whatever dies, a file arrives byte for byte, and becomes a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.recovery import recover
from gilfoyle.catalog import Catalog, Import, Media, MediaStatus, Policy
from gilfoyle.config import ImportSettings, NetSettings, Settings
from gilfoyle.media.options import EncodingOptions
from gilfoyle.storage import keys
from gilfoyle.temporal.messages import import_media_id
from tests.file_server import FileServer
from tests.integration.workflows.service import Handle, Service

NewService = Callable[..., AbstractAsyncContextManager[Service]]
OPTIONS = {"max_height": 180, "clip": {"start_s": 1, "end_s": 3}}


class Installation:
    """A service that may fetch from this machine."""

    def __init__(self, service: Service) -> None:
        settings: Settings = service.parts.settings.model_copy(
            update={"net": NetSettings(allow=["127.0.0.1"]), "imports": ImportSettings(retry_after_s=[0.05])}
        )
        self.catalog: Catalog = service.parts.catalog
        self.service = Service(replace(service.parts, settings=settings))
        self.pipeline = Pipeline(service.parts.client, settings)

    async def order(self, url: str, *, begin: bool = True) -> tuple[Media, Import]:
        wanted = Import(url=url, shown_url="http://shown/film.mp4")
        media = Media(title="Film")
        options = EncodingOptions.model_validate(OPTIONS).model_dump(mode="json", exclude_unset=True)
        await self.catalog.imports.create_media(media, {"options": options}, Policy.PUBLIC, wanted)
        if begin:
            await self.pipeline.begin_importing(wanted)
        return media, wanted

    def handle(self, wanted: Import) -> Handle:
        return self.service.parts.client.get_workflow_handle(import_media_id(wanted.media_id, wanted.id))

    async def until(self, wanted: Import, check: Callable[[Import], bool]) -> Import:
        async with asyncio.timeout(30):
            while (found := await self.catalog.imports.of(wanted.media_id)) is None or not check(found):
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def installation(new_service: NewService) -> AsyncIterator[Installation]:
    async with new_service(working=False) as service:
        yield Installation(service)


@pytest.fixture
async def server(film: Path) -> AsyncIterator[FileServer]:
    found = FileServer(film.read_bytes())
    async with found.up():
        yield found


async def test_from_a_url_to_ready(installation: Installation, server: FileServer) -> None:
    server.cuts = [10_000, 10_000]
    async with installation.service.working():
        media, wanted = await installation.order(server.url)
        await installation.handle(wanted).result()
        await recover(installation.catalog, installation.pipeline)  # what was accepted is due at once
        async with asyncio.timeout(60):
            while (now_is := await installation.catalog.medias.get(media.id)).status != MediaStatus.READY:
                assert now_is.status == MediaStatus.PROCESSING, now_is.error_message
                await asyncio.sleep(0.05)
    assert now_is.duration_s == pytest.approx(2)
    assert now_is.source_sha256 is not None
    assert (installation.service.root / keys.source(media.id)).read_bytes() == server.data
    history = str(await installation.handle(wanted).fetch_history())
    assert "film.mp4" not in history and "s3cret" not in history


async def test_its_worker_is_lost_in_the_middle(installation: Installation, server: FileServer) -> None:
    server.data, server.pause_s = bytes(range(256)) * 20_000, 0.02
    async with installation.service.working():
        _media, wanted = await installation.order(server.url)
        await installation.until(wanted, lambda found: found.received > 0)
    server.pause_s = 0
    assert (await installation.until(wanted, lambda _: True)).status == "Importing"
    async with installation.service.working():
        found = await installation.until(wanted, lambda found: not found.is_running)
    assert (found.status, found.received) == ("Imported", len(server.data))
    assert (installation.service.root / keys.source(wanted.media_id)).read_bytes() == server.data
    assert len(server.asked) == 2 and server.ranges_asked[1]


async def test_temporal_has_lost_it(installation: Installation, server: FileServer) -> None:
    """Or was away when it was ordered: the catalog promises it."""
    _media, wanted = await installation.order(server.url, begin=False)
    await installation.catalog.promises.due_again([wanted.media_id])
    assert await recover(installation.catalog, installation.pipeline) == 1
    async with installation.service.working():
        await installation.until(wanted, lambda found: found.status == "Imported")


async def test_somebody_stops_it_in_temporal(installation: Installation, server: FileServer) -> None:
    media, wanted = await installation.order(server.url)
    await installation.handle(wanted).terminate()
    await installation.catalog.promises.due_again([media.id])
    await recover(installation.catalog, installation.pipeline)
    now_is = await installation.catalog.medias.get(media.id)
    assert (now_is.status, now_is.error_code, now_is.due_at) == (MediaStatus.ERRORED, "cancelled", None)
    assert server.connections == 0


async def test_its_media_is_deleted_while_it_is_fetched(installation: Installation, server: FileServer) -> None:
    server.data, server.pause_s = bytes(10_000_000), 0.05
    async with installation.service.working():
        media, wanted = await installation.order(server.url)
        await installation.until(wanted, lambda found: found.total is not None)
        await (await installation.service.delete(media)).result()
        async with asyncio.timeout(10):
            await installation.handle(wanted).result()
    assert await installation.service.is_gone(media)


async def test_what_nobody_foresaw_ends_it(
    installation: Installation, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gilfoyle.temporal.translate._UNFORESEEN", 1)
    monkeypatch.setattr("gilfoyle.ingest.importing.Importing._fetch", breaks)
    async with installation.service.working():
        media, wanted = await installation.order(server.url)
        await installation.handle(wanted).result()
    now_is = await installation.catalog.medias.get(media.id)
    assert (now_is.status, now_is.error_code) == (MediaStatus.ERRORED, "internal")


@pytest.mark.slow
async def test_a_long_pause_takes_no_slot(
    installation: Installation, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.ingest.importing.WAIT_HERE_S", 0.01)
    server.answer = lambda _: "503 Busy" if len(server.asked) < 3 else None
    async with installation.service.working():
        _media, wanted = await installation.order(server.url)
        await installation.handle(wanted).result()
    assert (await installation.until(wanted, lambda _: True)).status == "Imported"
    events = (await installation.handle(wanted).fetch_history()).events
    assert sum(event.HasField("timer_fired_event_attributes") for event in events) == 2
