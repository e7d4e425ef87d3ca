"""Fetching a file from a real server that behaves badly: it arrives byte for byte, or its end has a reason."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from gilfoyle.catalog import Catalog, Import, Media, MediaStatus, Policy
from gilfoyle.config import FilesystemSettings, ImportSettings, IpfsSettings, S3Settings, StorageSettings
from gilfoyle.errors import Conflict, NotFound, StorageError
from gilfoyle.ingest import Ingest, PlainFile
from gilfoyle.ingest.importing import Importing
from gilfoyle.storage import Storages, keys
from gilfoyle.testing.storage_contract import collect
from tests.file_server import FileServer
from tests.kubo_node import KuboNode

FILM = Random(3).randbytes(3_000_001)
OTHER = Random(4).randbytes(len(FILM))
LIMIT = 4_000_000
HERE = ["127.0.0.0/8"]
QUICK = ImportSettings(silence_s=1, retry_after_s=[0.01, 0.02], give_up_after_s=5)


class Installation:
    """A catalog and a storage, without workers: the test is the worker."""

    def __init__(self, catalog: Catalog, storages: Storages) -> None:
        self.catalog, self.storages = catalog, storages
        self.ingest = Ingest(catalog, storages, LIMIT)

    async def order(self, url: str, **facts: Any) -> Import:
        """A media that is to be imported."""
        wanted = Import(url=url, shown_url="http://shown/film.mp4", **facts)
        media = Media(title="Film", storage=self.storages.default)
        await self.catalog.imports.create_media(media, {}, Policy.PUBLIC, wanted)
        return wanted

    async def run(self, wanted: Import, settings: ImportSettings = QUICK, allow: list[str] = HERE) -> float | None:
        return await Importing(self.catalog, self.ingest, settings, allow).run(wanted.media_id, wanted.id)

    async def fetch(self, url: str, settings: ImportSettings = QUICK, **facts: Any) -> Import:
        """An import that was done to its end, as the catalog has it."""
        wanted = await self.order(url, **facts)
        assert await self.run(wanted, settings) is None
        return await self.now(wanted)

    async def now(self, wanted: Import) -> Import:
        found = await self.catalog.imports.of(wanted.media_id)
        assert found is not None
        return found

    async def require_whole(self, wanted: Import, data: bytes = FILM) -> Media:
        """The file is accepted, byte for byte, and nothing else is left."""
        media = await self.catalog.medias.get(wanted.media_id)
        now_is = await self.now(wanted)
        assert (now_is.status, now_is.error_message) == ("Imported", None)
        assert (now_is.received, now_is.total, now_is.url) == (len(data), len(data), None)
        assert (media.status, media.source_bytes) == (MediaStatus.PROCESSING, len(data))
        storage = await self.storages.open()
        assert await collect(storage.stream(keys.source(media.id))) == data
        assert [write async for write in storage.unfinished() if write.key] == []
        return media

    async def require_failed(self, wanted: Import, code: str) -> str:
        """It has ended with that code, and nothing is left; the reason."""
        media, now_is = await self.catalog.medias.get(wanted.media_id), await self.now(wanted)
        assert (media.status, media.error_code, media.due_at) == (MediaStatus.ERRORED, code, None)
        assert (now_is.status, now_is.error_code, now_is.url) == ("Errored", code, None)
        storage = await self.storages.open()
        assert [write async for write in storage.unfinished()] == []
        assert [found async for found in storage.list(str(media.id))] == []
        assert media.error_message and "s3cret" not in media.error_message
        return media.error_message


@pytest.fixture
async def installation(catalog: Catalog, tmp_path: Path) -> AsyncIterator[Installation]:
    storages = Storages(StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "media")))
    yield Installation(catalog, storages)
    await storages.close()


@pytest.fixture(params=["filesystem", *(pytest.param(name, marks=pytest.mark.slow) for name in ("s3", "ipfs"))])
async def anywhere(
    request: pytest.FixtureRequest, catalog: Catalog, tmp_path: Path, s3_settings: S3Settings, kubo: KuboNode
) -> AsyncIterator[Installation]:
    ipfs = IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}")
    disk = FilesystemSettings(path=tmp_path / "media")
    storages = Storages(StorageSettings(driver=request.param, filesystem=disk, s3=s3_settings, ipfs=ipfs))
    yield Installation(catalog, storages)
    await storages.close()


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    found = FileServer(FILM)
    async with found.up():
        yield found


async def test_a_file_arrives(installation: Installation, server: FileServer) -> None:
    wanted = await installation.fetch(server.url)
    media = await installation.require_whole(wanted)
    assert (media.file_name, media.upload, server.connections) == ("film.mp4", 1, 1)
    assert media.due_at is not None, "what is to be made of it is promised"
    types = [event.type for event in await installation.catalog.events.page(0, 100)]
    assert types[0] == "media.created" and types[1] == "import.created" and types[-1] == "media.uploaded"


async def test_what_the_server_calls_it(installation: Installation, server: FileServer) -> None:
    server.headers["Content-Disposition"] = "attachment; filename*=UTF-8''H%C3%B6hle.mkv"
    assert (await installation.require_whole(await installation.fetch(server.url))).file_name == "Höhle.mkv"
    named = await installation.fetch(server.url, file_name="said.mp4")
    assert (await installation.require_whole(named)).file_name == "said.mp4"


async def test_ten_cuts_on_every_storage(anywhere: Installation, server: FileServer) -> None:
    server.cuts = [200_000 + number for number in range(10)]
    wanted = await anywhere.fetch(server.url)
    await anywhere.require_whole(wanted)
    assert len(server.asked) == 11
    first, *others = server.asked
    assert "range" not in first.headers
    assert all(each.headers["if-range"] == '"one"' for each in others if "range" in each.headers)


async def test_what_has_arrived_is_not_sent_again(installation: Installation, server: FileServer) -> None:
    server.cuts = [1_000_000, 500_000]
    await installation.require_whole(await installation.fetch(server.url))
    assert server.ranges_asked == [None, "bytes=1000000-", "bytes=1500000-"]


@pytest.mark.parametrize("wrong", ["ranges", "etag", "weak"])
async def test_from_the_beginning_where_it_can_not_go_on(
    installation: Installation, server: FileServer, wrong: str
) -> None:
    server.ranges = wrong != "ranges"
    server.etag = {"etag": "", "weak": 'W/"one"'}.get(wrong, '"one"')
    server.cuts = [1_000_000, 2_000_000]
    await installation.require_whole(await installation.fetch(server.url))
    assert len(server.asked) == 3


async def test_a_time_that_is_old_enough_says_that_it_is_the_same(
    installation: Installation, server: FileServer
) -> None:
    changed = "Sun, 01 Nov 2026 10:00:00 GMT"
    server.etag, server.heeds_if_range, server.cuts = "", False, [1_000_000] * 2
    server.headers = {"Last-Modified": changed, "Date": "Sun, 01 Nov 2026 10:00:01 GMT"}
    await installation.require_whole(await installation.fetch(server.url))
    assert server.ranges_asked == [None, "bytes=1000000-", "bytes=2000000-"]
    assert server.asked[1].headers["if-range"] == changed
    server.cuts, server.asked = [1_000_000], []
    server.headers["Date"] = changed
    await installation.require_whole(await installation.fetch(server.url))
    assert server.ranges_asked == [None, None], "it may have been changed twice in that second"


@pytest.mark.parametrize("heeds", [True, False])
async def test_a_file_that_changes_between_cuts(installation: Installation, server: FileServer, heeds: bool) -> None:
    def change() -> None:
        server.data, server.etag = OTHER, '"two"'

    server.heeds_if_range, server.cuts, server.on_cut = heeds, [1_000_000], change
    await installation.require_whole(await installation.fetch(server.url), OTHER)


async def test_a_file_without_a_length(installation: Installation, server: FileServer) -> None:
    server.chunked, server.cuts = True, [1_000_000]
    await installation.require_whole(await installation.fetch(server.url))
    assert len(server.asked) == 2


@pytest.mark.parametrize("chunked", [True, False])
async def test_too_large_a_file(installation: Installation, server: FileServer, chunked: bool) -> None:
    server.data, server.chunked = bytes(LIMIT + 1), chunked
    wanted = await installation.fetch(server.url)
    assert str(LIMIT) in await installation.require_failed(wanted, "too_large")


async def test_an_empty_file(installation: Installation, server: FileServer) -> None:
    server.data = b""
    await installation.require_failed(await installation.fetch(server.url), "empty_file")


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_server_that_promises_more_than_it_has(
    installation: Installation, server: FileServer, ranges: bool
) -> None:
    server.length, server.ranges = len(FILM) + 10, ranges
    settings = QUICK.model_copy(update={"give_up_after_s": 0.3})
    wanted = await installation.fetch(server.url, settings)
    assert "tried" in await installation.require_failed(wanted, "import_failed")


async def test_a_server_that_promises_less_than_it_has(installation: Installation, server: FileServer) -> None:
    server.length = 1_000_000
    wanted = await installation.fetch(server.url)
    await installation.require_whole(wanted, FILM[:1_000_000])


REFUSALS = {
    "404 Not Found": "answers 404 (Not Found): there is no such file.",
    "403 Forbidden": "not any more",
    "410 Gone": "not there any more",
    "401 Unauthorized": "who asks",
    "204 No Content": "that is not the file",
    "304 Not Modified": "that is not the file",
    "200 OK\r\nContent-Encoding: gzip": "packed (gzip)",
}


async def test_what_ends_it_at_once(installation: Installation, server: FileServer) -> None:
    for answer, reason in REFUSALS.items():
        server.answer, server.asked = lambda _, answer=answer: answer, []  # type: ignore[misc]
        wanted = await installation.fetch(server.url)
        assert reason in await installation.require_failed(wanted, "import_refused")
        assert len(server.asked) == 1


async def test_a_link_that_is_not_good_any_more_in_the_middle(installation: Installation, server: FileServer) -> None:
    server.cuts = [1_000_000]
    server.answer = lambda asked: "403 Forbidden" if "range" in asked.headers else None
    await installation.require_failed(await installation.fetch(server.url), "import_refused")


async def test_what_passes_is_waited_for(installation: Installation, server: FileServer) -> None:
    answers = ["500 Oh", "503 Busy", "429 Slowly", "408 Late"]
    server.answer = lambda _: answers.pop(0) if answers else None
    await installation.require_whole(await installation.fetch(server.url))
    assert len(server.asked) == 5


async def test_what_does_not_pass_is_given_up(installation: Installation, server: FileServer) -> None:
    server.answer = lambda _: "503 Busy"
    settings = QUICK.model_copy(update={"give_up_after_s": 0.2})
    wanted = await installation.fetch(server.url, settings)
    reason = await installation.require_failed(wanted, "import_failed")
    assert reason.startswith("127.0.0.1 answers 503 (Service Unavailable). It was tried ")


async def test_a_server_says_when_to_come_back(installation: Installation, server: FileServer) -> None:
    server.answer = lambda _: "503 Busy\r\nRetry-After: 120"
    wanted = await installation.order(server.url)
    settings = QUICK.model_copy(update={"give_up_after_s": 1000})
    pause = await installation.run(wanted, settings)
    assert pause is not None and 119 < pause < 121, "the caller waits, and not a slot of a worker"
    server.answer = lambda _: None
    assert await installation.run(wanted, settings) is None
    await installation.require_whole(wanted)


async def test_a_silent_server_is_asked_again(installation: Installation, server: FileServer) -> None:
    server.pause_s = 5

    def is_quick() -> str | None:
        server.pause_s = 0 if len(server.asked) > 1 else 5
        return None

    server.answer = lambda _: is_quick()
    settings = QUICK.model_copy(update={"silence_s": 0.2})
    await installation.require_whole(await installation.fetch(server.url, settings))
    assert len(server.asked) == 2


async def test_nobody_there(installation: Installation) -> None:
    settings = QUICK.model_copy(update={"give_up_after_s": 0.1})
    wanted = await installation.fetch("http://127.0.0.1:1/film.mp4", settings)
    assert "can't be reached" in await installation.require_failed(wanted, "import_failed")


async def test_it_may_not_take_for_ever(installation: Installation, server: FileServer) -> None:
    server.pause_s = 0.1
    began = time.monotonic()
    wanted = await installation.fetch(server.url, QUICK.model_copy(update={"longest_s": 0.5}))
    assert "longer than 0.5 s" in await installation.require_failed(wanted, "import_timeout")
    assert time.monotonic() - began < 3


async def test_five_redirects_and_six(installation: Installation, server: FileServer) -> None:
    def redirect(steps: int) -> None:
        def answer(path: str) -> str | None:
            step = int(path.rpartition("/")[2].partition("?")[0])
            return f"302 Found\r\nLocation: /at/{step + 1}?signature=s3cret" if step < steps else None

        server.answer = lambda asked: answer(asked.path)

    url = f"http://127.0.0.1:{server.port}/at/0"
    redirect(5)
    server.cuts = [1_000_000]
    await installation.require_whole(await installation.fetch(url))
    assert len(server.asked) == 12, "each request goes all the way"
    redirect(6)
    assert "redirects" in await installation.require_failed(await installation.fetch(url), "url_refused")


PLACES = [
    "http://[::1]:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://127.0.0.1:{port}/",
    "//[::ffff:127.0.0.1]:{port}/",
    "http://169.254.169.254/latest",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
]


async def test_a_redirect_to_where_nobody_may_go(installation: Installation) -> None:
    """Only the first server is allowed, by its address."""
    trap, server = FileServer(b"secret"), FileServer(FILM, host="127.0.0.2")
    async with trap.up(), server.up():
        for place in PLACES:
            head = f"302 Found\r\nLocation: {place.format(port=trap.port)}"
            server.answer, server.asked = lambda _, head=head: head, []  # type: ignore[misc]
            wanted = await installation.order(server.url)
            assert await installation.run(wanted, allow=["127.0.0.2"]) is None
            await installation.require_failed(wanted, "url_refused")
            assert (len(server.asked), trap.connections) == (1, 0), place


async def test_another_worker_goes_on_after_a_kill(installation: Installation, server: FileServer) -> None:
    """One is killed in the middle, at whatever moment; the lease that it held passes."""
    server.pause_s = 0.01
    wanted = await installation.order(server.url)
    killed = asyncio.create_task(installation.run(wanted))
    async with asyncio.timeout(20):
        while not (await installation.ingest.arrived(wanted.media_id)).offset:
            await asyncio.sleep(0.01)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    server.pause_s = 0
    assert await installation.run(wanted) is None
    await installation.require_whole(wanted)
    assert len(server.asked) == 2
    assert server.ranges_asked[1] is not None


async def test_a_worker_that_dies_before_it_is_accepted(
    installation: Installation, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("killed")

    wanted = await installation.order(server.url)
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.catalog.uploads.Uploads.accept", dies)
        with pytest.raises(RuntimeError):
            await installation.run(wanted)
    assert await installation.run(wanted) is None
    await installation.require_whole(wanted)
    assert len(server.asked) == 1, "all of it was there"


async def test_progress_is_told(
    installation: Installation, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilfoyle.ingest.importing.NOTE_S", 0.05)
    server.pause_s = 0.01
    wanted = await installation.order(server.url)
    running = asyncio.create_task(installation.run(wanted))
    seen: set[int] = set()
    async with asyncio.timeout(10):
        while not running.done():
            now_is = await installation.now(wanted)
            seen.add(now_is.received)
            assert now_is.total in (None, len(FILM))
            await asyncio.sleep(0.02)
    await running
    await installation.require_whole(wanted)
    assert len(seen) > 4
    events = [event for event in await installation.catalog.events.page(0, 100) if event.type == "import.progress"]
    assert len(events) >= 3
    assert all(0 < event.data["received_bytes"] <= len(FILM) == event.data["total_bytes"] for event in events)
    assert "s3cret" not in str([event.data for event in await installation.catalog.events.page(0, 100)])


@pytest.mark.parametrize("silent", [True, False])
async def test_a_media_that_is_deleted_meanwhile(
    installation: Installation, server: FileServer, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr("gilfoyle.ingest.importing.NOTE_S", 0.05)
    monkeypatch.setattr("gilfoyle.ingest.acceptance.RESUMED_RENEW_S", 0.1)
    server.pause_s = 30 if silent else 0.02
    wanted = await installation.order(server.url)
    running = asyncio.create_task(installation.run(wanted, QUICK.model_copy(update={"silence_s": 30})))
    async with asyncio.timeout(10):
        while not (await installation.now(wanted)).total:
            await asyncio.sleep(0.01)
    await installation.catalog.medias.mark_deleting(wanted.media_id)
    async with asyncio.timeout(3):
        assert await running is None
    assert [write async for write in (await installation.storages.open()).unfinished()] == []


async def test_no_secret_is_logged(
    installation: Installation, server: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What httpx says of each request is left out by `gilfoyle.logs`."""
    caplog.set_level("DEBUG")
    elsewhere = f"http://127.0.0.1:{server.port}/b?signature=s3cret"
    answers = ["503 Busy", f"302 Found\r\nLocation: {elsewhere}", None]
    server.answer = lambda _: answers.pop(0) if answers else "404 No"
    server.cuts = [1_000_000]
    await installation.require_failed(await installation.fetch(server.url), "import_refused")
    settings = QUICK.model_copy(update={"give_up_after_s": 0.05})
    wanted = await installation.fetch("http://127.0.0.1:1/film.mp4?signature=s3cret", settings)
    await installation.require_failed(wanted, "import_failed")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("gilfoyle", "sqlalchemy"))]
    assert any("goes on in" in line for line in lines) and "s3cret" not in str(lines)


async def test_a_storage_that_fails_is_left_to_who_tries_again(
    installation: Installation, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise StorageError("The storage is away.")

    wanted = await installation.order(server.url)
    with monkeypatch.context() as broken:
        broken.setattr("gilfoyle.storage.filesystem.backend.FilesystemStorage.append", fails)
        with pytest.raises(StorageError):
            await installation.run(wanted)
    assert (await installation.now(wanted)).tries == 0, "that is no fault of the server's"
    assert await installation.run(wanted) is None
    await installation.require_whole(wanted)


async def test_no_other_upload_while_it_runs(installation: Installation, server: FileServer) -> None:
    wanted = await installation.order(server.url)

    async def nothing() -> AsyncIterator[bytes]:
        pytest.fail("it was read")
        yield b""

    with pytest.raises(Conflict, match="being fetched from a URL") as refused:
        await installation.ingest.resume(wanted.media_id, None, PlainFile({}, nothing()))
    assert refused.value.reason == "importing"
    with pytest.raises(Conflict, match="being fetched"):
        await installation.catalog.uploads.accept(wanted.media_id, kind=None, file_name="x", size=1, sha256=None)
    assert await installation.run(wanted) is None
    await installation.require_whole(wanted)


async def test_after_a_failure_it_can_be_uploaded(installation: Installation, server: FileServer) -> None:
    server.answer = lambda _: "404 Not Found"
    wanted = await installation.fetch(server.url)
    await installation.require_failed(wanted, "import_refused")

    async def film() -> AsyncIterator[bytes]:
        yield FILM

    media = await installation.ingest.resume(wanted.media_id, None, PlainFile({}, film()))
    assert isinstance(media, Media) and media.status == MediaStatus.PROCESSING
    assert await installation.catalog.imports.of(wanted.media_id) is None


async def test_an_import_of_a_media_that_is_gone(installation: Installation, server: FileServer) -> None:
    wanted = await installation.order(server.url)
    await installation.catalog.medias.remove(wanted.media_id)
    assert await installation.run(wanted) is None
    assert server.connections == 0
    with pytest.raises(NotFound):
        await installation.catalog.medias.get(wanted.media_id)
