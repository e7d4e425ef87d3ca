"""A sweep on real files and a real catalog: what goes, and above all what stays."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from gilfoyle.activities.sweep import Removed, SweepActivities, SweepBackendInput
from gilfoyle.catalog import Catalog, Database, Media, MediaStatus, Owner
from gilfoyle.catalog.owners import Owners
from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.errors import Unavailable
from gilfoyle.storage import FilesystemStorage, Storages
from gilfoyle.sweep.survey import Backend
from gilfoyle.temporal.messages import SweptBackend

LIMIT_S = 3600
OLD_S, YOUNG_S = 2 * LIMIT_S, LIMIT_S / 2
MINE, OTHER = "filesystem", "other"


@dataclass
class Yard:
    """Two backends, a catalog, and what is put into them."""

    root: Path
    storages: Storages
    database: Database
    moving: bool = False
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def media(self, status: MediaStatus, *, idle_s: float = OLD_S, **changes: Any) -> UUID:
        """A row in that state, which nobody has touched for so long."""
        media = await Catalog(self.database).medias.create("Film")
        changes |= {"status": status, "updated_at": datetime.now(UTC) - timedelta(seconds=idle_s)}
        await self.change(media.id, **changes)
        return media.id

    async def change(self, media_id: UUID, **changes: Any) -> None:
        async with self.database.session() as session:
            await session.execute(update(Media).where(col(Media.id) == media_id).values(**changes))

    def put(self, *parts: object, age_s: float = OLD_S, backend: str = MINE) -> Path:
        """An object of ten bytes, written so long ago."""
        path = self.root.joinpath(backend, *map(str, parts))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0123456789")
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    async def sweep(
        self, *, backend: str = MINE, older_than_s: float = LIMIT_S, dry_run: bool = False, force: bool = False
    ) -> SweptBackend:
        async def moving() -> bool:
            return self.moving

        activities = SweepActivities(self.storages, Catalog(self.database), moving)
        job = SweepBackendInput(backend=backend, older_than_s=older_than_s, dry_run=dry_run, force=force)
        return await self.environment.run(activities.sweep, job)

    async def swept(self, **options: Any) -> dict[str, str]:
        """Sweep; returns the key and the reason of what has gone. A look at it beforehand says the same."""
        foreseen = await self.sweep(dry_run=True, **options)
        done = await self.sweep(**options)
        assert [(item.key, item.reason, item.bytes) for item in foreseen.items] == [
            (item.key, item.reason, item.bytes) for item in done.items
        ]
        assert (done.removed, done.unfinished_removed) == (done.found, done.unfinished_found)
        assert done.bytes_freed == done.bytes_found == foreseen.bytes_found
        assert (foreseen.removed, foreseen.unfinished_removed, foreseen.bytes_freed) == (0, 0, 0)
        assert not done.fault and not done.refused
        return {item.key: item.reason for item in done.items}


@pytest.fixture
async def yard(database: Database, tmp_path: Path) -> AsyncIterator[Yard]:
    settings = StorageSettings(filesystem=FilesystemSettings(path=tmp_path / MINE))
    storages = Storages(settings, {OTHER: FilesystemStorage(tmp_path / OTHER)})
    yield Yard(tmp_path, storages, database)
    await storages.close()


async def test_the_folder_of_no_media_goes_when_its_newest_object_is_old(yard: Yard) -> None:
    gone, stays = uuid4(), uuid4()
    places = [yard.put(gone, "source"), yard.put(gone, 1, "720p", "00000.m4s", age_s=5 * OLD_S)]
    young = [yard.put(stays, "source"), yard.put(stays, 1, "720p", "00000.m4s", age_s=YOUNG_S)]
    done = await yard.sweep()
    [item] = done.items
    assert (item.key, item.reason, item.bytes) == (str(gone), "no_media", 20)
    assert item.age_s == pytest.approx(OLD_S, abs=60)
    assert (done.medias, done.found, done.removed, done.bytes_freed) == (2, 1, 1, 20)
    assert not any(path.exists() for path in places)
    assert not places[0].parent.exists()
    assert all(path.exists() for path in young)


async def test_a_dry_run_removes_nothing(yard: Yard) -> None:
    path = yard.put(uuid4(), "source")
    temp = yard.put(".tmp", "0" * 32)
    done = await yard.sweep(dry_run=True)
    assert (done.found, done.unfinished_found, done.bytes_found) == (1, 1, 20)
    assert (done.removed, done.unfinished_removed, done.bytes_freed) == (0, 0, 0)
    assert path.exists() and temp.exists()


async def test_names_that_are_not_ours_are_counted_and_left_alone(yard: Yard) -> None:
    media_id = uuid4()
    names = ["films", str(media_id).upper(), media_id.hex, "lost+found"]
    places = [yard.put(name, "source") for name in names] + [yard.put("a file")]
    done = await yard.sweep(force=True)
    assert (done.foreign, done.medias, done.found) == (4, 0, 0)
    assert all(path.exists() for path in places)


async def test_a_media_owns_what_it_has(yard: Yard) -> None:
    places = []
    for status in MediaStatus:
        media_id = await yard.media(status, idle_s=0)
        places.append(yard.put(media_id, "source"))
        if status != MediaStatus.ERRORED:
            places.append(yard.put(media_id, 1, "master.m3u8"))
    assert await yard.swept() == {}
    assert all(path.exists() for path in places)


@pytest.mark.parametrize("status", [MediaStatus.PROCESSING, MediaStatus.DELETING])
async def test_nothing_goes_of_a_media_that_is_being_worked_on(yard: Yard, status: MediaStatus) -> None:
    media_id = await yard.media(status, encoding=2, storage=OTHER)
    places = [yard.put(media_id, "source"), yard.put(media_id, 1, "master.m3u8"), yard.put(media_id, 3, "init.mp4")]
    assert await yard.swept(older_than_s=0) == {}
    assert all(path.exists() for path in places)


async def test_what_a_move_that_broke_off_has_left_goes_when_it_is_old(yard: Yard) -> None:
    half, young = await yard.media(MediaStatus.READY, storage=OTHER), await yard.media(MediaStatus.READY, storage=OTHER)
    copy, recent = yard.put(half, "source"), yard.put(young, "source", age_s=YOUNG_S)
    own = [yard.put(media_id, "source", backend=OTHER) for media_id in (half, young)]
    assert await yard.swept() == {str(half): "moved"}
    assert await yard.swept(backend=OTHER) == {}
    assert not copy.exists()
    assert recent.exists() and all(path.exists() for path in own)


async def test_nothing_is_taken_for_left_while_a_move_runs(yard: Yard) -> None:
    path = yard.put(await yard.media(MediaStatus.READY, storage=OTHER), "source")
    yard.moving = True
    assert await yard.swept() == {}
    yard.moving = False
    survey = await yard.sweep(dry_run=True)
    assert survey.found == 1 and path.exists()


async def test_the_source_of_a_version_that_was_replaced_goes_with_it(yard: Yard) -> None:
    """If the workflow that was to remove it was lost."""
    media_id = await yard.media(MediaStatus.READY, encoding=2, encodings=2, upload=2, uploads=2)
    kept = [yard.put(media_id, "source-2"), yard.put(media_id, 2, "master.m3u8")]
    old = yard.put(media_id, "source")
    assert await yard.swept() == {f"{media_id}/source": "superseded"}
    assert not old.exists() and all(path.exists() for path in kept)


async def test_a_ready_media_keeps_the_encoding_that_it_serves(yard: Yard) -> None:
    media_id = await yard.media(MediaStatus.READY, encoding=3, encodings=4)
    old = [yard.put(media_id, number, "720p", "00000.m4s") for number in (1, 4)]
    kept = [yard.put(media_id, "source"), yard.put(media_id, 3, "720p", "00000.m4s"), yard.put(media_id, "notes", "a")]
    kept.append(yard.put(media_id, 2, "720p", "00000.m4s", age_s=YOUNG_S))
    assert await yard.swept() == {f"{media_id}/1": "superseded", f"{media_id}/4": "superseded"}
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)


async def test_a_ready_media_whose_encoding_is_not_there_keeps_what_is(yard: Yard) -> None:
    """The catalog that says so is older or newer than the storage: it may have been restored."""
    path = yard.put(await yard.media(MediaStatus.READY, encoding=3, encodings=4), 2, "master.m3u8")
    assert await yard.swept() == {}
    assert path.exists()


async def test_a_failed_media_keeps_its_source(yard: Yard) -> None:
    media_id = await yard.media(MediaStatus.ERRORED, encoding=2)
    encoded = [yard.put(media_id, number, "720p", "init.mp4") for number in (1, 2)]
    source = yard.put(media_id, "source")
    assert await yard.swept() == {f"{media_id}/1": "errored", f"{media_id}/2": "errored"}
    assert not any(path.exists() for path in encoded)
    assert source.exists()


async def test_a_source_that_was_stored_and_never_accepted_goes(yard: Yard) -> None:
    media_id = await yard.media(MediaStatus.AWAITING_UPLOAD)
    places = [yard.put(media_id, "source"), yard.put(media_id, 1, "720p", "init.mp4")]
    assert await yard.swept() == {str(media_id): "abandoned_upload"}
    assert not any(path.exists() for path in places)


@pytest.mark.parametrize("beside", ["attachments", "text"])
async def test_what_came_before_its_film_waits_for_it(yard: Yard, beside: str) -> None:
    path = yard.put(await yard.media(MediaStatus.AWAITING_UPLOAD), beside, "a")
    assert await yard.swept() == {}
    assert path.exists()


@pytest.mark.parametrize("status", [MediaStatus.READY, MediaStatus.ERRORED])
async def test_what_is_beside_a_media_stays_with_it(yard: Yard, status: MediaStatus) -> None:
    media_id = await yard.media(status, encoding=2, encodings=2)
    kept = [yard.put(media_id, name, "a") for name in ("attachments", "text")]
    if status == MediaStatus.READY:
        kept.append(yard.put(media_id, 2, "master.m3u8"))
    old = yard.put(media_id, 1, "720p", "init.mp4")
    assert list(await yard.swept()) == [f"{media_id}/1"]
    assert not old.exists() and all(path.exists() for path in kept)


async def test_a_source_stays_while_its_upload_may_end_well(yard: Yard) -> None:
    now = datetime.now(UTC)
    uploading = await yard.media(MediaStatus.AWAITING_UPLOAD, upload_lease=now + timedelta(seconds=30))
    lately = await yard.media(MediaStatus.AWAITING_UPLOAD, idle_s=YOUNG_S)
    stored = await yard.media(MediaStatus.AWAITING_UPLOAD)
    places = [yard.put(uploading, "source"), yard.put(lately, "source"), yard.put(stored, "source", age_s=YOUNG_S)]
    assert await yard.swept() == {}
    assert all(path.exists() for path in places)


async def test_an_upload_whose_lease_has_ended_is_not_accepted_once_its_source_is_gone(yard: Yard) -> None:
    catalog = Catalog(yard.database)
    media_id = await yard.media(MediaStatus.AWAITING_UPLOAD)
    held = await catalog.uploads.lease(media_id, 0.01, MINE)
    yard.put(media_id, "source")
    while await catalog.owners.uploading(MINE):
        await asyncio.sleep(0.01)
    assert await yard.swept() == {str(media_id): "abandoned_upload"}
    with pytest.raises(Exception, match="took the place"):
        await catalog.uploads.accept(media_id, kind="video", file_name=None, size=10, sha256="0" * 64, held=held)


async def test_writes_that_never_ended_go_when_they_are_old(yard: Yard) -> None:
    old, young = yard.put(".tmp", "0" * 32), yard.put(".tmp", "1" * 32, age_s=YOUNG_S)
    done = await yard.sweep()
    assert (done.unfinished_found, done.unfinished_removed, done.bytes_freed) == (1, 1, 10)
    [item] = done.items
    assert (item.reason, item.bytes) == ("unfinished", 10)
    assert not old.exists() and young.exists()


async def test_a_write_that_goes_on_is_not_taken_for_dead(yard: Yard) -> None:
    storage = await yard.storages.of(MINE)
    await yard.media(MediaStatus.AWAITING_UPLOAD, upload_lease=datetime.now(UTC) + timedelta(seconds=30))
    media_id = uuid4()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * (1 << 20)
        [temp] = (yard.root / MINE / ".tmp").iterdir()
        os.utime(temp, (time.time() - OLD_S,) * 2)
        assert (await yard.sweep(older_than_s=0)).unfinished_found == 0
        yield b"y"

    await storage.write(f"{media_id}/source", pieces())
    assert (yard.root / MINE / str(media_id) / "source").stat().st_size == (1 << 20) + 1


async def test_what_arrived_of_an_upload_is_kept_for_as_long_as_a_sweep_says(yard: Yard) -> None:
    """Between two requests nobody holds a lease: then its age counts, since the last one."""
    storage = await yard.storages.of(MINE)
    assert isinstance(storage, FilesystemStorage)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"0123456789"

    async def grown(media_id: UUID, age_s: float) -> str:
        await storage.begin(key := f"{media_id}/source")
        await storage.append(key, 0, pieces())
        os.utime(yard.root / MINE / ".tmp" / f"{media_id},source,growing", (time.time() - age_s,) * 2)
        return key

    lease = datetime.now(UTC) + timedelta(seconds=30)
    waiting = [await yard.media(MediaStatus.AWAITING_UPLOAD) for _ in range(2)]
    uploading = await yard.media(MediaStatus.AWAITING_UPLOAD, upload_lease=lease)
    stays = [await grown(waiting[0], YOUNG_S), await grown(uploading, OLD_S)]
    goes = [await grown(waiting[1], OLD_S), await grown(uuid4(), OLD_S)]
    assert await yard.swept() == dict.fromkeys(goes, "unfinished")
    assert [await storage.arrived(key) for key in stays] == [10, 10]


@pytest.mark.parametrize("change", ["uploading", "grown"])
async def test_an_upload_that_went_on_meanwhile_is_left_alone(yard: Yard, change: str) -> None:
    storage = await yard.storages.of(MINE)
    assert isinstance(storage, FilesystemStorage)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"0123456789"

    async def moving() -> bool:
        return False

    media_id = await yard.media(MediaStatus.AWAITING_UPLOAD)
    await storage.begin(key := f"{media_id}/source")
    os.utime(yard.root / MINE / ".tmp" / f"{media_id},source,growing", (time.time() - OLD_S,) * 2)
    backend = Backend(MINE, storage, Catalog(yard.database), LIMIT_S, moving)
    [write] = (await backend.survey()).unfinished
    if change == "uploading":
        await Catalog(yard.database).uploads.lease(media_id, 30)
    else:
        await storage.append(key, 0, pieces())
    assert not await backend.abandon(write)
    assert await storage.arrived(key) == (10 if change == "grown" else 0)


async def test_more_than_half_is_refused_unless_it_is_forced(yard: Yard) -> None:
    owned = [yard.put(await yard.media(MediaStatus.READY), "source") for _ in range(10)]
    stray = [yard.put(uuid4(), "source") for _ in range(11)]
    temp = yard.put(".tmp", "0" * 32)
    for dry_run in (True, False):
        done = await yard.sweep(dry_run=dry_run)
        assert "11 of 21" in done.refused and "--force" in done.refused
        assert (done.found, done.removed, done.unfinished_removed, done.bytes_freed) == (11, 0, 0, 0)
        assert all(path.exists() for path in [*owned, *stray, temp])
    done = await yard.sweep(force=True)
    assert (done.removed, done.unfinished_removed, done.refused) == (11, 1, "")
    assert all(path.exists() for path in owned)
    assert not any(path.exists() for path in stray)


async def test_a_few_or_half_are_not_refused(yard: Yard) -> None:
    for _ in range(10):
        yard.put(uuid4(), "source")
    assert len(await yard.swept()) == 10
    for _ in range(12):
        yard.put(await yard.media(MediaStatus.READY), "source")
        yard.put(uuid4(), "source")
    assert len(await yard.swept()) == 12


async def test_an_empty_catalog_does_not_empty_a_backend(yard: Yard) -> None:
    """A database that was made anew, or the wrong one."""
    places = [yard.put(uuid4(), "source") for _ in range(11)]
    assert (await yard.sweep()).refused
    assert all(path.exists() for path in places)


async def test_a_catalog_that_is_away_is_waited_for_and_nothing_goes(yard: Yard) -> None:
    path = yard.put(uuid4(), "source")
    away = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    yard.database, there = away, yard.database
    with pytest.raises(Unavailable):
        await yard.sweep()
    await away.close()
    yard.database = there
    assert path.exists()


async def test_what_changes_in_the_meantime_is_left_to_the_next_sweep(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is looked at again right before it goes, with the row held."""
    touched, accepted, failed, still = uuid4(), *[await yard.media(MediaStatus.AWAITING_UPLOAD) for _ in range(3)]
    places = {media_id: yard.put(media_id, "source") for media_id in (touched, accepted, failed, still)}
    encoded = yard.put(failed, 1, "master.m3u8")
    held = Owners.held

    @asynccontextmanager
    async def meanwhile(self: Owners, media_id: UUID) -> AsyncIterator[Owner | None]:
        if media_id == touched:
            places[touched].touch()
        if media_id == accepted:
            await yard.change(accepted, status=MediaStatus.PROCESSING)
        if media_id == failed:
            await yard.change(failed, status=MediaStatus.ERRORED)
        async with held(self, media_id) as owner:
            yield owner

    monkeypatch.setattr(Owners, "held", meanwhile)
    done = await yard.sweep()
    assert (done.found, done.removed, done.bytes_freed) == (4, 1, 10)
    assert [media_id for media_id, path in places.items() if not path.exists()] == [still]
    assert encoded.exists()


async def test_an_upload_that_begins_waits_until_what_was_there_is_gone(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a sweep never takes a source that was stored a moment ago."""
    catalog = Catalog(yard.database)
    media_id = await yard.media(MediaStatus.AWAITING_UPLOAD)
    yard.put(media_id, "source")
    leases: list[asyncio.Task[datetime]] = []
    delete_prefix = FilesystemStorage.delete_prefix

    async def slowly(self: FilesystemStorage, prefix: str) -> int:
        leases.append(asyncio.create_task(catalog.uploads.lease(media_id, 30, MINE)))
        await asyncio.sleep(0.3)
        assert not leases[0].done()
        return await delete_prefix(self, prefix)

    monkeypatch.setattr(FilesystemStorage, "delete_prefix", slowly)
    assert (await yard.sweep()).removed == 1
    await asyncio.wait_for(leases[0], 10)


async def test_what_can_not_be_looked_into_is_told_and_the_rest_goes(yard: Yard) -> None:
    good = [yard.put(uuid4(), "source") for _ in range(3)]
    bad = [yard.put(uuid4(), "a file of mine.txt") for _ in range(4)]  # not a name that a key can have
    done = await yard.sweep()
    assert done.removed == 3
    assert "not a valid object key" in done.fault
    assert not any(path.exists() for path in good)
    assert all(path.exists() for path in bad)


async def test_a_backend_that_can_not_be_opened_is_a_sentence(yard: Yard) -> None:
    done = await yard.sweep(backend="gone")
    assert "no storage backend 'gone'" in done.fault
    assert done.medias == 0


async def test_the_list_is_cut_and_the_count_is_not(yard: Yard) -> None:
    for _ in range(601):  # more than one question to the catalog
        yard.put(uuid4(), "source")
    done = await yard.sweep(force=True)
    assert (done.medias, done.found, done.removed, done.bytes_freed) == (601, 601, 601, 6010)
    assert len(done.items) == 200
    assert len(done.model_dump_json()) < 100_000
    assert [path.name for path in (yard.root / MINE).iterdir()] == [".tmp"]


async def test_an_attempt_counts_what_the_one_before_has_removed(yard: Yard) -> None:
    beats: list[Removed] = []
    yard.environment.on_heartbeat = lambda *details: beats.append(details[0].model_copy())
    for _ in range(3):
        yard.put(uuid4(), "source")
    await yard.sweep()
    assert [beat.folders for beat in beats] == [1, 2, 3]

    yard.put(uuid4(), "source")
    yard.environment.info = yard.environment.info.__class__(
        **{**vars(yard.environment.info), "heartbeat_details": [beats[-1].model_dump()]}
    )
    done = await yard.sweep()
    assert (done.found, done.removed, done.bytes_found, done.bytes_freed) == (4, 4, 40, 40)


async def test_the_backends_are_those_of_new_and_of_old_medias(yard: Yard) -> None:
    async def moving() -> bool:
        return False

    await yard.media(MediaStatus.READY, storage="s3")
    await yard.media(MediaStatus.DELETING, storage="ipfs")
    activities = SweepActivities(yard.storages, Catalog(yard.database), moving)
    assert (await yard.environment.run(activities.backends_in_use)).backends == ["filesystem", "ipfs", "s3"]
