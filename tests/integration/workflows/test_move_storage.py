"""MoveStorage: every media whole in one backend, whatever happens on the way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from gilfoyle.catalog import Catalog, Media, MediaStatus
from gilfoyle.errors import NotFound
from gilfoyle.storage import Storages, keys
from gilfoyle.temporal import heartbeat
from gilfoyle.workflows.move_storage import MoveStorage
from tests.integration.api.conftest import eventually
from tests.integration.workflows.moving import (
    SOURCE,
    Watched,
    contents,
    move,
    ready,
    start,
    stream_files,
    uploaded,
    whole,
)
from tests.integration.workflows.service import Service, fault


@dataclass
class Place:
    """A service with the backends `filesystem` (old) and `other` (new)."""

    service: Service
    old: Watched
    new: Watched

    @property
    def catalog(self) -> Catalog:
        return self.service.parts.catalog

    async def lies_in(self, media: Media) -> str:
        return (await self.catalog.medias.get(media.id)).storage

    async def only_in(self, name: str, media: Media) -> None:
        """The media lies whole in that backend, and the other has nothing of it."""
        here, there = (self.old, self.new) if name == "filesystem" else (self.new, self.old)
        assert await self.lies_in(media) == name
        assert await contents(here, media.id) == whole()
        assert await contents(there, media.id) == {}


@pytest.fixture
async def place(
    new_service: Callable[..., AbstractAsyncContextManager[Service]], tmp_path: Path
) -> AsyncIterator[Place]:
    async with new_service(working=False) as service:
        old, new = Watched(service.root), Watched(tmp_path / "other")
        storages = Storages(service.parts.settings.storage, {"filesystem": old, "other": new})
        yield Place(Service(replace(service.parts, storages=storages)), old, new)
        await storages.close()


@pytest.fixture
async def working(place: Place) -> AsyncIterator[Place]:
    """The same, with workers."""
    async with place.service.working():
        yield place


async def test_every_media_moves_and_the_old_place_is_empty(working: Place) -> None:
    place = working
    medias = [await ready(place.catalog, place.old) for _ in range(5)]
    errored = await uploaded(place.catalog, place.old)
    await place.catalog.encodings.fail(errored.id, "encode_failed", "ffmpeg gave up.")
    hopeless = await uploaded(place.catalog, place.old)
    await place.catalog.encodings.fail(hopeless.id, "no_streams", "It has no streams.")
    await place.old.delete_prefix(str(hopeless.id))
    awaiting = await place.catalog.medias.create("Film")

    result = await move(place.service, page=3, concurrency=2)

    for media in medias:
        await place.only_in("other", media)
        assert (await place.catalog.medias.get(media.id)).status == MediaStatus.READY
    assert await contents(place.new, errored.id) == {"source": SOURCE}
    for media in (errored, hopeless, awaiting):
        assert await place.lies_in(media) == "other"
        assert await contents(place.old, media.id) == {}
    assert (result.moved, result.left, result.waiting, result.failed, result.remains) == (8, 0, 0, [], [])
    assert result.objects == 5 * len(whole()) + 1
    assert result.bytes == 5 * sum(map(len, whole().values())) + len(SOURCE)


async def test_back_again_and_nothing_to_do(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    await move(place.service)
    await move(place.service, "filesystem", source="other")
    await place.only_in("filesystem", media)
    result = await move(place.service, "filesystem")
    assert (result.moved, result.left) == (0, 0)


async def test_only_what_lies_in_the_named_source(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    result = await move(place.service, source="elsewhere")
    assert result.moved == 0
    await place.only_in("filesystem", media)


async def test_the_history_stays_small(working: Place) -> None:
    place = working
    medias = [await ready(place.catalog, place.old) for _ in range(4)]
    handle = await start(place.service, page=1, pages=2)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.moved == 4
    for media in medias:
        await place.only_in("other", media)
    assert (await handle.describe()).run_id != handle.first_execution_run_id
    last = await place.service.parts.client.get_workflow_handle(handle.id).fetch_history()
    await replayed(last)


async def test_a_corrupted_copy_is_noticed_and_made_again(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    place.new.flip = lambda key: key.endswith("00003.m4s") and place.new.writes[key] == 1
    result = await move(place.service)
    assert result.failed == []
    await place.only_in("other", media)
    assert place.new.writes[f"{media.id}/1/720p/00003.m4s"] == 2


async def test_a_media_that_can_t_be_copied_stays_and_the_others_move(working: Place) -> None:
    place = working
    medias = [await ready(place.catalog, place.old) for _ in range(3)]
    bad = medias[1]
    place.new.flip = lambda key: key.startswith(str(bad.id)) and key.endswith("source")
    result = await move(place.service)
    assert (result.moved, result.left) == (2, 0)
    assert [each.media_id for each in result.failed] == [bad.id]
    assert "read back" in result.failed[0].message
    await place.only_in("filesystem", bad)
    for media in (medias[0], medias[2]):
        await place.only_in("other", media)


async def test_a_rotten_source_is_reported_and_stays(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    rotten = b"X" + SOURCE[1:]
    await place.old.write(keys.source(media.id), rotten)
    result = await move(place.service)
    assert "source is damaged" in result.failed[0].message
    assert await place.lies_in(media) == "filesystem"
    assert await contents(place.old, media.id) == whole() | {"source": rotten}
    assert await contents(place.new, media.id) == {}


async def test_what_the_old_backend_has_lost_is_reported(working: Place) -> None:
    """A disk that is not mounted must not pass for medias without objects."""
    place = working
    medias = [await ready(place.catalog, place.old) for _ in range(2)]
    await place.old.delete(keys.master_playlist(medias[0].id, 1))
    await place.old.delete_prefix(str(medias[1].id))
    result = await move(place.service)
    assert result.moved == 0
    assert sorted(each.message.split("/", 1)[1] for each in result.failed) == [
        "1/master.m3u8 is missing in filesystem.",
        "source is missing in filesystem.",
    ]
    for media in medias:
        assert await place.lies_in(media) == "filesystem"
        assert await contents(place.new, media.id) == {}


async def test_leftovers_in_the_new_place_are_replaced_or_removed(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    await place.new.write(f"{media.id}/1/720p/00001.m4s", b"?" * 3000)
    await place.new.write(f"{media.id}/1/720p/00099.m4s", b"of another time")
    await move(place.service)
    await place.only_in("other", media)


async def test_another_worker_goes_on_where_one_stopped(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_EVERY_S", 0.1)
    media = await ready(place.catalog, place.old)
    place.new.stop_at = "00008.m4s"
    async with place.service.working():
        handle = await start(place.service)
        await asyncio.wait_for(place.new.stopped.wait(), 20)
        await asyncio.sleep(1.5)  # its worker says that it lives, more than once
    assert await place.lies_in(media) == "filesystem"
    before = place.new.writes.copy()
    assert len(before) > 5
    place.new.stop_at = ""
    place.new.reads.clear()
    async with place.service.working():
        await asyncio.wait_for(handle.result(), 60)
    await place.only_in("other", media)
    assert set(place.new.writes.values()) == {1}
    # The first attempt had told how far it was: not even read again.
    assert f"{media.id}/1/720p/00001.m4s" not in place.new.reads
    await replayed(await handle.fetch_history())


async def test_a_media_that_is_deleted_while_it_is_copied(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    place.new.stop_at = "00008.m4s"
    handle = await start(place.service)
    await asyncio.wait_for(place.new.stopped.wait(), 20)
    await asyncio.wait_for((await place.service.delete(media)).result(), 20)
    place.new.go.set()
    result = await asyncio.wait_for(handle.result(), 60)
    assert (result.moved, result.failed) == (0, [])
    await gone(place, media)


async def test_a_media_that_is_deleted_while_its_old_objects_linger(working: Place) -> None:
    place = working
    media = await ready(place.catalog, place.old)
    handle = await start(place.service, linger_s=2)
    await eventually(lambda: in_other(place, media))
    assert await contents(place.old, media.id) == whole()
    await asyncio.wait_for((await place.service.delete(media)).result(), 20)
    await asyncio.wait_for(handle.result(), 60)
    await gone(place, media)


async def test_a_media_that_is_deleted_while_no_worker_lives(place: Place) -> None:
    media = await ready(place.catalog, place.old)
    place.new.stop_at = "00008.m4s"
    async with place.service.working():
        handle = await start(place.service)
        await asyncio.wait_for(place.new.stopped.wait(), 20)
    await place.catalog.medias.mark_deleting(media.id)
    place.new.stop_at = ""
    async with place.service.working():
        deleting = await place.service.delete(media)
        await asyncio.wait_for(asyncio.gather(handle.result(), deleting.result()), 60)
    await gone(place, media)


async def test_an_upload_in_progress_comes_along_once_it_is_ready(working: Place) -> None:
    place = working
    other = await ready(place.catalog, place.old)
    media = await place.catalog.medias.create("Film")
    held = await place.catalog.uploads.lease(media.id, 60)
    handle = await start(place.service)
    await eventually(lambda: in_other(place, other))
    await asyncio.sleep(0.5)
    assert await place.lies_in(media) == "filesystem"
    state = await handle.query(MoveStorage.progress)
    assert (state.moved, state.left, state.waiting) == (1, 1, 1)

    accepted = await uploaded_into(place, media, held)
    await asyncio.sleep(0.5)
    assert await place.lies_in(media) == "filesystem"  # it is Processing now
    await finished(place, accepted)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.moved == 2
    await place.only_in("other", media)


async def test_cancelled_it_leaves_every_media_in_one_backend(working: Place) -> None:
    place = working
    medias = [await ready(place.catalog, place.old) for _ in range(3)]
    place.new.stop_at = f"{max(medias, key=lambda media: media.id).id}/1/720p/00008.m4s"
    handle = await start(place.service, linger_s=1)
    await asyncio.wait_for(place.new.stopped.wait(), 20)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), 60)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    for media in medias:
        await place.only_in(await place.lies_in(media), media)
    assert {await place.lies_in(media) for media in medias} == {"filesystem", "other"}
    await replayed(await handle.fetch_history())


async def test_a_backend_that_workers_don_t_have_fails_at_once(working: Place) -> None:
    error = await fault(await start(working.service, "tape"))
    assert "no storage backend 'tape'" in error.message


async def replayed(history: WorkflowHistory) -> None:
    """Raises NondeterminismError if the workflow would decide otherwise."""
    await Replayer(workflows=[MoveStorage], data_converter=pydantic_data_converter).replay_workflow(history)


async def gone(place: Place, media: Media) -> None:
    with pytest.raises(NotFound):
        await place.catalog.medias.source(media.id)
    assert await contents(place.old, media.id) == {}
    assert await contents(place.new, media.id) == {}


async def in_other(place: Place, media: Media) -> None:
    assert await place.lies_in(media) == "other"


async def uploaded_into(place: Place, media: Media, held: object) -> Media:
    await place.old.write(keys.source(media.id), SOURCE)
    return await place.catalog.uploads.accept(
        media.id,
        kind="video",
        file_name="f.mp4",
        size=len(SOURCE),
        sha256=hashlib.sha256(SOURCE).hexdigest(),
        held=held,  # type: ignore[arg-type]
    )


async def finished(place: Place, media: Media) -> None:
    for path, data in stream_files().items():
        await place.old.write(f"{keys.encoding_prefix(media.id, 1)}/{path}", data)
    await place.catalog.encodings.progress(media.id, 1, [], playable=True, progress=1)
    await place.catalog.encodings.finish(media.id, 1)
