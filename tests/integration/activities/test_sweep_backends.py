"""Sweeps of the backends that are no folder: IPFS, which knows no ages, and S3, which knows when a write began."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from gilfoyle.catalog import Catalog, Database, MediaStatus
from gilfoyle.config import IpfsSettings, S3Settings, StorageSettings
from gilfoyle.storage import ContentAddressed, Storages
from gilfoyle.storage.s3.backend import S3Storage
from gilfoyle.sweep import rules as orphans
from tests.integration.activities.test_sweep import Yard
from tests.kubo_node import KuboNode


@pytest.fixture
async def ipfs(database: Database, tmp_path: Path, kubo: KuboNode) -> AsyncIterator[Yard]:
    settings = IpfsSettings(api=kubo.api, folder=f"/{uuid4().hex}")
    storages = Storages(StorageSettings(driver="ipfs", ipfs=settings))
    yield Yard(tmp_path, storages, database)
    await storages.close()


async def test_ipfs_without_ages(ipfs: Yard, kubo: KuboNode) -> None:
    """No media: gone. In another backend: perhaps a move's, so it stays. Else the row's age counts."""
    storage = await ipfs.storages.of("ipfs")
    assert isinstance(storage, ContentAddressed)
    nobody = uuid4()
    elsewhere = await ipfs.media(MediaStatus.READY, storage="filesystem")
    failed = await ipfs.media(MediaStatus.ERRORED, storage="ipfs")
    lately = await ipfs.media(MediaStatus.ERRORED, storage="ipfs", idle_s=60)
    for media_id in (nobody, elsewhere, failed, lately):
        await storage.write(f"{media_id}/source", b"source")
        await storage.write(f"{media_id}/1/init.mp4", str(media_id).encode())
    cid = await storage.cid(f"{nobody}/1")
    await storage.pin(cid, f"{nobody}/1")

    assert await ipfs.swept(backend="ipfs") == {str(nobody): "no_media", f"{failed}/1": "errored"}
    assert {name async for name in storage.folders()} == {str(elsewhere), str(failed), str(lately)}
    assert [item.key async for item in storage.list(str(failed))] == [f"{failed}/source"]
    assert cid not in kubo.run("pin", "ls", "--type=recursive")


async def test_what_is_served_stays_pinned_when_the_same_content_goes(ipfs: Yard, kubo: KuboNode) -> None:
    """A file that was encoded twice has one CID, and one pin."""
    storage = await ipfs.storages.of("ipfs")
    assert isinstance(storage, ContentAddressed)
    media_id = await ipfs.media(MediaStatus.READY, storage="ipfs", encoding=2, encodings=2)
    for encoding in (1, 2):
        await storage.write(f"{media_id}/{encoding}/init.mp4", b"the same")
    cid = await storage.cid(f"{media_id}/2")
    await storage.pin(cid, f"{media_id}/2")
    await ipfs.change(media_id, cid=cid)
    assert await ipfs.swept(backend="ipfs") == {f"{media_id}/1": "superseded"}
    assert [name async for name in storage.folders(str(media_id))] == ["2"]
    assert cid in kubo.run("pin", "ls", "--type=recursive")


@pytest.fixture
async def s3(database: Database, tmp_path: Path, s3_settings: S3Settings) -> AsyncIterator[Yard]:
    storages = Storages(StorageSettings(driver="s3", s3=s3_settings))
    yield Yard(tmp_path, storages, database)
    await storages.close()


async def test_s3(s3: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of no media, and uploads in parts that nobody goes on with; none of a media that is being uploaded."""
    storage = await s3.storages.of("s3")
    assert isinstance(storage, S3Storage)
    nobody, owned = uuid4(), await s3.media(MediaStatus.READY, storage="s3")
    for media_id in (nobody, owned):
        for name in ("source", "1/master.m3u8", "1/720p/00000.m4s"):
            await storage.write(f"{media_id}/{name}", b"0123456789")
    await storage.write("films/source", b"not ours")
    sizes = await s3.sweep(backend="s3")
    assert (sizes.medias, sizes.foreign, sizes.found, sizes.unfinished_found) == (2, 1, 0, 0), "all of it is young"

    monkeypatch.setattr(orphans, "SHORTEST_S", -5)
    draft = await s3.media(MediaStatus.AWAITING_UPLOAD, storage="s3")
    uploading = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (5 << 20)
        uploading[0].set()
        await uploading[1].wait()
        yield b"x"

    writing = asyncio.create_task(storage.write(f"{draft}/source", pieces()))
    await uploading[0].wait()
    async with asyncio.timeout(20):
        while not [write async for write in storage.unfinished()]:
            await asyncio.sleep(0.05)
    catalog_says = await s3.sweep(backend="s3", older_than_s=-5, dry_run=True)
    assert [item.reason for item in catalog_says.items] == ["no_media", "unfinished"]
    await Catalog(s3.database).uploads.lease(draft, 30, "s3")
    done = await s3.sweep(backend="s3", older_than_s=-5)
    assert [(item.key, item.reason) for item in done.items] == [(str(nobody), "no_media")]
    assert (done.removed, done.bytes_freed, done.fault) == (1, 30, "")
    uploading[1].set()
    await writing
    assert {name async for name in storage.folders()} == {str(owned), str(draft), "films"}
    assert len([item async for item in storage.list(str(owned))]) == 3


async def test_the_catalog_is_asked_once_for_many_unfinished_writes(
    s3: Yard, s3_settings: S3Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "SHORTEST_S", -5)
    storage = await s3.storages.of("s3")
    assert isinstance(storage, S3Storage)
    medias = [uuid4(), uuid4(), await s3.media(MediaStatus.ERRORED, storage="s3")]
    begin = storage._requests.client.create_multipart_upload
    for media_id in medias * 4:
        key = f"{s3_settings.prefix}/{media_id}/source"
        await asyncio.to_thread(begin, Bucket=s3_settings.bucket, Key=key)

    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "media" in statement:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        found = await s3.sweep(backend="s3", older_than_s=-5, dry_run=True)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert found.unfinished_found >= 8
    # Who uploads, and whose the writes are: there are no folders.
    assert len(asked) == 2
