"""From an upload to Ready and away again, in a storage of another package."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from gilfoyle.catalog import Catalog, MediaKind, MediaStatus
from gilfoyle.config import LimitSettings, Settings, StorageSettings, TemporalSettings
from gilfoyle.storage import Storages, keys
from gilfoyle.workers import Parts
from tests.integration.workflows.service import Service
from tests.plugin import install_plugin
from tests.sources import read_numbers


async def test_a_film_becomes_ready_and_is_deleted(
    temporal: Client,
    temporal_address: str,
    catalog: Catalog,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(install_plugin(tmp_path / "site"))
    kept = tmp_path / "kept"
    settings = Settings(
        storage=StorageSettings(driver="flat", options={"folder": str(kept)}),
        temporal=TemporalSettings(address=temporal_address, queue_prefix=f"test-{uuid4().hex[:8]}"),
        limits=LimitSettings(memory_mb=4096),
    )
    storages = Storages(settings.storage)
    storage = await storages.open()
    service = Service(Parts(settings, temporal, storages, catalog))
    source = film.read_bytes()
    media = await catalog.medias.create("Film", storage="flat")
    await storage.write(keys.source(media.id), source)
    media = await catalog.uploads.accept(
        media.id, kind=MediaKind.VIDEO, file_name=film.name, size=len(source), sha256="0" * 64
    )
    async with service.working():
        await (await service.process(media)).result()
        assert (await service.media(media)).status == MediaStatus.READY

        prefix = keys.encoding_prefix(media.id, 1)
        async for item in storage.list(prefix):
            copy = tmp_path / "copy" / item.key.removeprefix(f"{prefix}/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(await storage.read(item.key))
        for name in ("180p", "120p", "90p"):
            assert read_numbers(tmp_path / "copy" / name / "index.m3u8") == list(range(120))

        await (await service.delete(media)).result()
    assert list(kept.iterdir()) == []
    await storages.close()
