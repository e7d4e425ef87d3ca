from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from gilfoyle.storage import keys
from gilfoyle.storage.filesystem.backend import FilesystemStorage
from gilfoyle.storage.stored import first_missing, is_stored, store_new, stored_rendition

MEDIA = uuid4()
PREFIX = keys.rendition_prefix(MEDIA, 1, "720p")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[FilesystemStorage]:
    storage = FilesystemStorage(tmp_path)
    yield storage
    await storage.close()


async def store(storage: FilesystemStorage, *names: str) -> None:
    for name in names:
        await storage.write(f"{PREFIX}/{name}", b"x" * len(name))


async def missing(storage: FilesystemStorage, start: int, end: int) -> int:
    return await first_missing(storage, MEDIA, 1, "720p", start, end)


async def test_the_first_missing_segment_is_behind_those_that_are_stored_without_a_gap(
    storage: FilesystemStorage,
) -> None:
    assert await missing(storage, 0, 4) == 0
    await store(storage, keys.INIT_NAME, *map(keys.segment_name, (0, 1, 3, 6)))
    assert [await missing(storage, start, 5) for start in range(6)] == [2, 2, 2, 4, 4, 5]
    assert await missing(storage, 0, 2) == 2


async def test_without_an_init_segment_nothing_counts(storage: FilesystemStorage) -> None:
    await store(storage, *map(keys.segment_name, (0, 1)))
    assert await missing(storage, 0, 4) == 0


async def test_what_is_stored_of_a_rendition_ends_at_the_first_gap(storage: FilesystemStorage) -> None:
    await store(storage, keys.INIT_NAME, keys.PLAYLIST_NAME, *map(keys.segment_name, (0, 1, 3)))
    found = await stored_rendition(storage, MEDIA, 1, "720p")
    assert (found.has_init, sorted(found.sizes), found.prefix) == (True, [0, 1, 3], [9, 9])
    assert await is_stored(storage, f"{PREFIX}/{keys.segment_name(3)}")
    assert not await is_stored(storage, f"{PREFIX}/{keys.segment_name(2)}")


async def test_what_is_there_is_not_stored_again(storage: FilesystemStorage) -> None:
    assert await store_new(storage, f"{PREFIX}/00000.m4s", b"first")
    assert not await store_new(storage, f"{PREFIX}/00000.m4s", b"second")
    assert await storage.read(f"{PREFIX}/00000.m4s") == b"first"
