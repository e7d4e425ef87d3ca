"""Moving one media, activity by activity: what is refused, what is retried, and IPFS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from gilfoyle.activities.move import ClearInput, MoveActivities, Moved, MoveInput, Outcome
from gilfoyle.catalog import Attachment, Catalog, Media
from gilfoyle.config import IpfsSettings, StorageSettings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.media.tracks import Track, TrackKind
from gilfoyle.storage import FilesystemStorage, ObjectInfo, Storages, keys
from gilfoyle.storage.ipfs.backend import IpfsStorage
from gilfoyle.testing.storage_contract import pieces
from tests.integration.workflows.moving import Watched, contents, ready, uploaded, whole
from tests.kubo_node import KuboNode


class Full(FilesystemStorage):
    """A disk with no room for segments."""

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        if key.endswith(".m4s"):
            raise StorageError("The disk is full.")
        return await super().write(key, data)


class Place:
    def __init__(self, catalog: Catalog, root: Path) -> None:
        self.catalog, self.root = catalog, root
        self.old, self.new = Watched(root / "old"), Watched(root / "new")
        self.full = Full(root / "full")
        self.storages = Storages(StorageSettings(), {"filesystem": self.old, "other": self.new, "full": self.full})
        self.activities = MoveActivities(self.storages, catalog)
        self.told: list[tuple[object, ...]] = []

    async def move(
        self, media: Media, target: str = "other", source: str = "filesystem", attempt: int = 1, told: object = ()
    ) -> Moved:
        environment = ActivityEnvironment()
        details = told if isinstance(told, tuple) else (told,)
        environment.info = replace(ActivityEnvironment.default_info(), attempt=attempt, heartbeat_details=details)
        environment.on_heartbeat = lambda *details: self.told.append(details)
        return await environment.run(self.activities.move, MoveInput(media_id=media.id, source=source, target=target))

    async def clear(self, media: Media, storage: str) -> int:
        return await ActivityEnvironment().run(self.activities.clear, ClearInput(media_id=media.id, storage=storage))

    async def lies_in(self, media: Media) -> str:
        return (await self.catalog.medias.get(media.id)).storage


@pytest.fixture
async def place(catalog: Catalog, tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(catalog, tmp_path)
    yield place
    await place.storages.close()


async def test_it_tells_how_far_it_is_and_another_attempt_goes_on_there(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    moved = await place.move(media)
    assert (moved.outcome, moved.objects, moved.bytes) == ("moved", 16, sum(map(len, whole().values())))
    assert place.told[-1] == (keys.source(media.id), moved.objects, moved.bytes)
    marks = [str(details[0]) for details in place.told]
    assert marks == sorted(marks) and len(marks) == 4
    # The old objects stay until they are cleared away.
    assert await contents(place.old, media.id) == await contents(place.new, media.id) == whole()

    # The same on another media, half of which an attempt has copied.
    other = await ready(place.catalog, place.old)
    half = f"{other.id}/1/720p/00005.m4s"
    async for item in place.old.list(str(other.id)):
        if item.key <= half:
            await place.new.write(item.key, await place.old.read(item.key))
    place.old.reads.clear()
    assert (await place.move(other, told=(half, 7, 0))).outcome == Outcome.MOVED
    assert f"{other.id}/1/720p/00005.m4s" not in place.old.reads
    assert f"{other.id}/1/720p/00006.m4s" in place.old.reads


async def test_an_attempt_whose_result_was_lost_has_moved_it(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    await place.move(media)
    writes = place.new.writes.copy()
    assert (await place.move(media)).outcome == Outcome.MOVED
    assert place.new.writes == writes


async def test_one_that_comes_late_takes_nothing_away(place: Place) -> None:
    """An attempt that was taken for dead lists the old backend after the objects have gone from there."""
    media = await ready(place.catalog, place.old)
    place.new.stop_at = "00000.m4s"
    late = asyncio.create_task(place.move(media))
    await place.new.stopped.wait()
    place.new.stop_at = ""
    assert (await place.move(media)).outcome == Outcome.MOVED
    await place.clear(media, "filesystem")
    place.new.go.set()
    assert (await late).outcome == Outcome.MOVED
    assert await contents(place.new, media.id) == whole()


async def test_what_is_processed_or_gone_or_elsewhere_is_left_alone(place: Place) -> None:
    processing = await uploaded(place.catalog, place.old)
    assert (await place.move(processing)).outcome == Outcome.BUSY
    elsewhere = await ready(place.catalog, place.new, "other")
    assert (await place.move(elsewhere, target="full")).outcome == Outcome.BUSY
    deleting = await ready(place.catalog, place.old)
    await place.catalog.medias.mark_deleting(deleting.id)
    assert (await place.move(deleting)).outcome == Outcome.GONE
    await place.catalog.medias.remove(deleting.id)
    assert (await place.move(deleting)).outcome == Outcome.GONE
    assert not place.new.writes.keys() - {key for key in place.new.writes if key.startswith(str(elsewhere.id))}


async def test_an_upload_that_waits_only_changes_over(place: Place) -> None:
    media = await place.catalog.medias.create("Film")
    held = await place.catalog.uploads.lease(media.id, 60)
    assert (await place.move(media)).outcome == Outcome.BUSY
    await place.catalog.uploads.release(media.id, held)
    assert (await place.move(media)).outcome == Outcome.MOVED
    assert await place.lies_in(media) == "other"


@pytest.mark.parametrize("is_ready", [False, True])
async def test_what_a_paused_upload_has_brought_does_not_stay(place: Place, is_ready: bool) -> None:
    media = await (ready(place.catalog, place.old) if is_ready else place.catalog.medias.create("Film"))
    key = keys.source(media.id, media.next_upload)
    await place.old.begin(key)
    await place.old.append(key, 0, pieces(b"begun"))
    await place.old.write(keys.unchecked(key), b"a part whose checksum is not known")
    assert (await place.move(media)).outcome == Outcome.MOVED
    assert [write async for write in place.old.unfinished()] == []
    with pytest.raises(ObjectNotFound):
        await place.old.stat(keys.unchecked(key))


async def test_an_upload_that_has_gone_on_meanwhile_keeps_what_it_brought(place: Place) -> None:
    """By a server that knows the old backend only: the media is back there."""
    media = await place.catalog.medias.create("Film")
    await place.move(media)
    held = await place.catalog.uploads.lease(media.id, 60, "filesystem")
    await place.old.begin(keys.source(media.id))
    assert (await place.move(media)).outcome == Outcome.BUSY
    await place.catalog.uploads.release(media.id, held)
    assert await place.old.arrived(keys.source(media.id)) == 0


async def test_what_lies_beside_a_media_moves_with_it(place: Place) -> None:
    waiting, media = await place.catalog.medias.create("Film"), await ready(place.catalog, place.old)
    text = Track(name="text-1", kind=TrackKind.TEXT)
    await place.old.write(keys.text(waiting.id, text.name), b"WEBVTT")
    await place.catalog.tracks.add(waiting.id, text)
    for each in (waiting, media):
        await attach(place, each)
        assert (await place.move(await place.catalog.medias.get(each.id))).outcome == Outcome.MOVED
        assert await place.lies_in(each) == "other"
        assert await place.new.read(keys.attachment(each.id, "a" * 32)) == b"attached"
        await place.clear(each, "filesystem")
    assert await place.new.read(keys.text(waiting.id, text.name)) == b"WEBVTT"


async def test_what_is_attached_while_it_is_copied_is_not_left_behind(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    place.new.stop_at = "source"  # the last
    moving = asyncio.create_task(place.move(media))
    await place.new.stopped.wait()
    await attach(place, media)
    place.new.stop_at = ""
    place.new.go.set()
    while (await moving).outcome == Outcome.BUSY:
        moving = asyncio.create_task(place.move(media))
    assert await place.new.read(keys.attachment(media.id, "a" * 32)) == b"attached"


async def attach(place: Place, media: Media) -> None:
    """As the API does it: an object, then its row."""
    await place.old.write(keys.attachment(media.id, "a" * 32), b"attached")
    row = Attachment(media_id=media.id, name="a.txt", id="a" * 32, bytes=8, sha256="0" * 64)
    await place.catalog.attachments.put(row, "filesystem", replace=False)


async def test_a_full_disk_is_retried_and_then_the_media_stays(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    with pytest.raises(StorageError, match="full"):
        await place.move(media, "full", attempt=7)
    failed = await place.move(media, "full", attempt=8)
    assert (failed.outcome, failed.message) == (Outcome.FAILED, "The disk is full.")
    assert await place.lies_in(media) == "filesystem"
    await place.clear(media, "full")
    assert await contents(place.full, media.id) == {}
    assert await contents(place.old, media.id) == whole()


async def test_a_backend_that_is_away_is_waited_for(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    (place.root / "old").rename(place.root / "away")
    with pytest.raises(StorageError, match="mount it again"):
        await place.move(media, attempt=100)
    (place.root / "away").rename(place.root / "old")
    assert (await place.move(media, attempt=101)).outcome == Outcome.MOVED


async def test_clearing_spares_the_place_in_which_a_media_lies(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    assert await place.clear(media, "filesystem") == 0
    awaiting = await place.catalog.medias.create("Film", storage="other")
    await place.old.write(keys.source(awaiting.id), b"an upload that arrives")
    assert await place.clear(awaiting, "filesystem") == 0
    assert await contents(place.old, media.id) == whole()


async def test_to_ipfs_and_back(place: Place, kubo: KuboNode) -> None:
    """Pinned and with its CID when it has arrived, unpinned and without when it has left."""
    ipfs = IpfsStorage(IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}"))
    place.storages._opened["ipfs"] = ipfs
    media = await ready(place.catalog, place.old)
    await attach(place, media)
    assert (await place.move(media, "ipfs")).outcome == Outcome.MOVED
    beside = await ipfs.cid(f"{media.id}/{keys.ATTACHMENTS}")
    assert beside not in kubo.run("pin", "ls", "--type=recursive", "--quiet").split()
    attached = f"{keys.ATTACHMENTS}/{'a' * 32}"
    there = await place.catalog.medias.get(media.id)
    assert there.storage == "ipfs"
    assert there.cid == await ipfs.cid(keys.encoding_prefix(media.id, 1))
    assert there.cid in kubo.run("pin", "ls", "--type=recursive", "--quiet").split()
    assert await contents(ipfs, media.id) == whole() | {attached: b"attached"}
    assert await place.clear(media, "filesystem") == 17

    assert (await place.move(media, "other", source="ipfs")).outcome == Outcome.MOVED
    back = await place.catalog.medias.get(media.id)
    assert (back.storage, back.cid) == ("other", None)
    await place.clear(media, "ipfs")
    assert there.cid not in kubo.run("pin", "ls", "--type=recursive", "--quiet").split()
    assert await contents(ipfs, media.id) == {}
    assert await contents(place.new, media.id) == whole() | {attached: b"attached"}


async def test_a_rotten_source_does_not_reach_ipfs(place: Place, kubo: KuboNode) -> None:
    ipfs = IpfsStorage(IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}"))
    place.storages._opened["ipfs"] = ipfs
    media = await ready(place.catalog, place.old)
    await place.old.write(keys.source(media.id), b"rotten")
    failed = await place.move(media, "ipfs")
    assert failed.outcome == Outcome.FAILED and "is damaged" in failed.message
    assert "source" not in await contents(ipfs, media.id)
    await place.clear(media, "ipfs")
    assert await contents(ipfs, media.id) == {}
