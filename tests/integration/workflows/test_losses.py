"""A storage that loses what it had: a crash of its server, a disk that was replaced, a hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from gilfoyle.catalog import Media, MediaStatus
from gilfoyle.storage import FilesystemStorage, ObjectInfo, Storages
from tests.integration.workflows.service import SMALL, Service, fault
from tests.sources import read_numbers

PATIENT = SMALL.model_copy(update={"repair_pauses_s": [0, 0, 6]})
IMPATIENT = SMALL.model_copy(update={"repair_pauses_s": [0, 0.2]})


class _Hiding(FilesystemStorage):
    """Takes some objects and does not list them until they are deleted: so does SeaweedFS after its disk was full."""

    def __init__(self, root: Path, names: set[str]) -> None:
        super().__init__(root)
        self.hidden = names

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        async for item in super().list(prefix):
            if not item.key.endswith(tuple(self.hidden)):
                yield item

    async def delete(self, key: str) -> None:
        await super().delete(key)
        self.hidden -= {name for name in self.hidden if key.endswith(name)}


async def _eat(service: Service, media: Media, name: str) -> None:
    while True:
        await _lose(service, media, name)


async def _lose(service: Service, media: Media, name: str) -> None:
    """Take an object away as soon as it is stored."""
    path = service.root / str(media.id) / "1" / name
    while not path.exists():
        await asyncio.sleep(0.005)
    path.unlink()


async def test_lost_segments_are_encoded_again(service: Service, film: Path) -> None:
    media = await service.accept(film)
    handle = await service.process(media)
    await asyncio.gather(
        *(_lose(service, media, name) for name in ("180p/00006.m4s", "90p/00000.m4s", "audio-64k/init.mp4"))
    )
    await asyncio.wait_for(handle.result(), 60)
    assert (await service.media(media)).status == MediaStatus.READY
    for name in ("180p", "120p", "90p"):
        assert read_numbers(service.playlist(media, name)) == list(range(120))
    assert (service.playlist(media, "audio-64k").parent / "init.mp4").exists()


async def test_what_the_storage_has_and_does_not_list_is_encoded_again(
    new_service: Callable[..., AbstractAsyncContextManager[Service]], film: Path
) -> None:
    """A pass leaves alone what it finds, and no playlist would ever name it."""
    async with new_service(working=False) as made:
        storage = _Hiding(made.root, {"180p/00006.m4s", "90p/00000.m4s", "audio-64k/init.mp4"})
        storages = Storages(made.parts.settings.storage, {"filesystem": storage})
        service = Service(replace(made.parts, storages=storages))
        async with service.working():
            media = await service.accept(film)
            handle = await service.process(media, IMPATIENT)
            await asyncio.wait_for(handle.result(), 60)
        assert (await service.media(media)).status == MediaStatus.READY
        assert not storage.hidden
        for name in ("180p", "120p", "90p"):
            assert read_numbers(service.playlist(media, name)) == list(range(120))
        await storages.close()


@pytest.mark.slow
async def test_a_storage_is_given_time_to_be_seen_to(service: Service, film: Path) -> None:
    """It may lose for longer than encoding again and again takes."""
    media = await service.accept(film)
    handle = await service.process(media, PATIENT)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_eat(service, media, "120p/00003.m4s"), 5)
    await asyncio.wait_for(handle.result(), 60)
    assert (await service.media(media)).status == MediaStatus.READY


async def test_a_storage_that_never_keeps_a_segment_ends_in_a_sentence(service: Service, film: Path) -> None:
    media = await service.accept(film)
    eating = asyncio.create_task(_eat(service, media, "120p/00003.m4s"))
    handle = await service.process(media, IMPATIENT)
    error = await fault(handle, 90)
    eating.cancel()
    assert error.type == "storage_failed"
    assert "120p" in error.message
    found = await service.media(media)
    assert (found.status, found.error_code) == (MediaStatus.ERRORED, "storage_lost")
    assert (service.root / str(media.id) / "source").exists()
