"""`gilfoyle storage move` against real workers, from files to S3 and back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from gilfoyle.catalog import Catalog
from gilfoyle.config import S3Settings, StorageSettings
from gilfoyle.storage import FilesystemStorage, Storages, keys
from gilfoyle.temporal.messages import MoveProgress
from tests.integration.cli.conftest import Finished, finish, starter
from tests.integration.workflows.moving import contents, ready, whole
from tests.integration.workflows.service import Service
from tests.seaweed import Seaweed

LARGE = os.urandom(11 << 20)
# The command as it is, but for the time that old objects linger.
HURRIED = """
from gilfoyle.temporal.messages import MoveStorageInput as Input
Input.model_fields["linger_s"].default = 0.3
Input.model_rebuild(force=True)
from gilfoyle.cli import main
main()
"""


class Shop:
    """A service whose workers know a folder and a bucket, and its command."""

    def __init__(self, service: Service, config: Path) -> None:
        self.service = service
        self._python = starter(service, "-c", HURRIED)
        self._config = config

    @property
    def catalog(self) -> Catalog:
        return self.service.parts.catalog

    async def files(self) -> FilesystemStorage:
        storage = await self.service.parts.storages.of("filesystem")
        assert isinstance(storage, FilesystemStorage)
        return storage

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        return await self._python("storage", "move", *arguments, "--config", str(self._config))

    async def move(self, *arguments: str) -> Finished:
        return await finish(await self.begin(*arguments))


@pytest.fixture
async def shop(service: Service, s3_settings: S3Settings, tmp_path: Path) -> AsyncIterator[Shop]:
    storage = StorageSettings(filesystem=service.parts.settings.storage.filesystem, s3=s3_settings)
    config = tmp_path / "config.yaml"
    told = storage.model_dump(mode="json")
    told["s3"]["secret_access_key"] = s3_settings.secret_access_key.get_secret_value()
    config.write_text(yaml.safe_dump({"storage": told}))
    storages = Storages(storage)
    settings = service.parts.settings.model_copy(update={"storage": storage, "temporal": own_queue(service)})
    moved = Service(replace(service.parts, settings=settings, storages=storages))
    async with moved.working():
        yield Shop(moved, config)
    await storages.close()


def own_queue(service: Service) -> object:
    """The workers of the service itself don't know the bucket."""
    return service.parts.settings.temporal.model_copy(update={"queue_prefix": f"test-{uuid4().hex[:8]}"})


async def test_to_s3_and_back_every_byte_is_the_same(shop: Shop) -> None:
    files, bucket = await shop.files(), await shop.service.parts.storages.of("s3")
    medias = [await ready(shop.catalog, files), await ready(shop.catalog, files, source=LARGE)]

    there = await shop.move("--to", "s3")
    assert (there.status, there.stderr) == (0, "")
    moved, reminder = there.stdout.splitlines()
    assert moved.startswith(f"2 medias moved to s3: {2 * len(whole())} objects, 11.")
    assert reminder.startswith("New medias still go to filesystem: set `storage.driver` to s3")
    assert list(shop.service.root.iterdir()) == [shop.service.root / ".tmp"]
    assert await contents(bucket, medias[0].id) == whole()
    assert await contents(bucket, medias[1].id) == whole() | {"source": LARGE}

    back = await shop.move("--to", "filesystem", "--from", "s3", "--json")
    assert (back.status, back.stderr) == (0, "")
    assert MoveProgress.model_validate(json.loads(back.stdout)).moved == 2
    assert await contents(files, medias[0].id) == whole()
    assert await contents(files, medias[1].id) == whole() | {"source": LARGE}
    assert [name async for name in bucket.folders()] == []
    assert [write async for write in bucket.unfinished()] == []


async def test_what_stays_is_named_and_status_1(shop: Shop) -> None:
    files = await shop.files()
    good, bad = [await ready(shop.catalog, files) for _ in range(2)]
    await files.write(keys.source(bad.id), b"rotten")
    done = await shop.move("--to", "s3")
    assert done.status == 1
    assert done.stdout.splitlines()[0].startswith("1 media moved to s3: ")
    assert f"  {bad.id}  {keys.source(bad.id)} is damaged: its SHA-256 is " in done.stdout
    assert (await shop.catalog.medias.get(good.id)).storage == "s3"
    assert (await shop.catalog.medias.get(bad.id)).storage == "filesystem"

    await files.write(keys.source(bad.id), whole()["source"])
    assert (await shop.move("--to", "s3")).status == 0
    assert (await shop.catalog.medias.get(bad.id)).storage == "s3"


async def test_what_can_t_work_is_refused_at_once(shop: Shop, s3_service: Seaweed, tmp_path: Path) -> None:
    media = await ready(shop.catalog, await shop.files())
    unknown = await shop.move("--to", "tape")
    assert (unknown.status, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("There is no storage backend 'tape'")
    assert (await shop.move("--to", "s3", "--from", "tape")).status == 1
    same = await shop.move("--to", "s3", "--from", "s3")
    assert same.status == 2

    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    config["storage"]["s3"]["bucket"] = "not-there"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    missing = await shop.move("--to", "s3")
    assert missing.status == 1
    assert missing.stderr.startswith("The storage s3 can't be used from here. ")
    assert (await shop.catalog.medias.get(media.id)).storage == "filesystem"


@pytest.mark.slow
async def test_ctrl_c_leaves_it_running_and_the_same_command_follows_it_again(shop: Shop) -> None:
    media = await ready(shop.catalog, await shop.files())
    uploading = await shop.catalog.medias.create("Film")
    held = await shop.catalog.uploads.lease(uploading.id, 60)

    first = await shop.begin("--to", "s3")
    while (await shop.catalog.medias.get(media.id)).storage != "s3":
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    first.send_signal(signal.SIGINT)
    interrupted = await finish(first)
    assert interrupted.status == 130
    assert "The move goes on without this command" in interrupted.stderr
    assert "`gilfoyle storage move --to s3` follows it again." in interrupted.stderr

    other = await shop.move("--to", "filesystem")
    assert other.status == 1
    assert other.stderr == "A move to s3 is running, and there is one at a time: wait until it has ended.\n"
    unwaited = await shop.move("--to", "s3", "--no-wait")
    assert (unwaited.status, unwaited.stdout) == (0, "")
    assert "is running already" in unwaited.stderr

    second = await shop.begin("--to", "s3")
    await asyncio.sleep(3)
    await shop.catalog.uploads.release(uploading.id, held)
    done = await finish(second)
    assert done.status == 0
    assert "The move is running already: this command follows it." in done.stderr
    assert "1 media will follow once uploaded and processed. New ones go to filesystem" in done.stderr
    assert done.stdout.startswith("2 medias moved to s3: ")


async def test_no_wait_only_starts_it(shop: Shop) -> None:
    media = await ready(shop.catalog, await shop.files())
    done = await shop.move("--to", "s3", "--no-wait")
    assert (done.status, done.stdout) == (0, "")
    assert done.stderr == "The move has begun: `gilfoyle storage move --to s3` follows it.\n"
    async with asyncio.timeout(30):
        while (await shop.catalog.medias.get(media.id)).storage != "s3":
            await asyncio.sleep(0.1)
    assert (await shop.move("--to", "s3")).status == 0
