"""A storage that takes its time with what it is asked: a pass that waits for it is alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gilfoyle.catalog import MediaStatus
from gilfoyle.storage.base import ObjectInfo
from gilfoyle.storage.filesystem.backend import FilesystemStorage
from tests.integration.workflows.service import Service

_LONGER_S = 7.0
"""Than the service's workers may be silent (5 s)."""


async def test_a_pass_that_waits_for_its_storage_keeps_its_worker(
    service: Service, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its ffmpeg has begun, and after it has ended, with the last of its segments to be stored."""
    stat, write = FilesystemStorage.stat, FilesystemStorage.write
    slow = {"180p/00000.m4s": stat, "90p/00007.m4s": write}
    met = set()

    async def wait_once(key: str, doing: object) -> None:
        name = key.split("/", 2)[2] if key.count("/") > 1 else ""
        if slow.get(name) is doing and name not in met:
            met.add(name)
            await asyncio.sleep(_LONGER_S)

    async def slow_stat(self: FilesystemStorage, key: str) -> ObjectInfo:
        await wait_once(key, stat)
        return await stat(self, key)

    async def slow_write(self: FilesystemStorage, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        await wait_once(key, write)
        return await write(self, key, data)

    monkeypatch.setattr(FilesystemStorage, "stat", slow_stat)
    monkeypatch.setattr(FilesystemStorage, "write", slow_write)
    media = await service.accept(film)
    handle = await service.process(media)
    await handle.result()
    assert met == set(slow)
    assert (await service.media(media)).status == MediaStatus.READY
    attempts = [
        event.activity_task_started_event_attributes.attempt
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_started_event_attributes")
    ]
    assert set(attempts) == {1}
