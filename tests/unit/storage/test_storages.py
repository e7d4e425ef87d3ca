from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.errors import ConfigError, StorageError
from gilfoyle.storage import FilesystemStorage, Storages, drivers


def settings(folder: Path, **others: str) -> StorageSettings:
    return StorageSettings(filesystem=FilesystemSettings(path=folder), **others)


async def test_a_backend_is_opened_once_and_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counted(of: StorageSettings) -> FilesystemStorage:
        opened.append(of)
        return FilesystemStorage(of.filesystem.path)

    monkeypatch.setitem(drivers._OURS, "filesystem", counted)
    storages = Storages(settings(tmp_path / "media"))
    assert not opened
    found = await asyncio.gather(storages.open(), storages.of("filesystem"), storages.open("filesystem"))
    assert len({id(each) for each in found}) == 1
    assert len(opened) == 1
    await storages.close()


async def test_the_default_is_what_the_settings_name(tmp_path: Path) -> None:
    storages = Storages(settings(tmp_path, driver="tape"))
    assert storages.default == "tape"
    for name in ("", "tape"):
        with pytest.raises(ConfigError, match="no storage backend 'tape'"):
            await storages.open(name)
    assert await storages.of("filesystem")  # the others can be used nevertheless
    await storages.close()


async def test_where_something_lies_that_can_not_be_opened_is_a_fault_of_the_storage(tmp_path: Path) -> None:
    storages = Storages(settings(tmp_path))
    with pytest.raises(StorageError, match=r"storage s3, in which it lies\. storage\.s3\.bucket is empty") as caught:
        await storages.of("s3")
    assert (caught.value.reason, caught.value.status, caught.value.retryable) == ("storage_not_configured", 503, True)
    await storages.close()


async def test_those_that_are_open_already_are_used_and_closed(tmp_path: Path) -> None:
    closed = []

    class Own(FilesystemStorage):
        async def close(self) -> None:
            closed.append(self)
            await super().close()

    own = Own(tmp_path)
    storages = Storages(settings(tmp_path, driver="own"), {"own": own})
    assert await storages.open() is own
    await storages.close()
    await storages.close()
    assert closed == [own]
