"""What Temporal stores of the work, with keys and without: what it can read, and what happens when a key is missing."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Replayer

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.recovery import recover
from gilfoyle.catalog import Database, Media, MediaStatus
from gilfoyle.errors import EncryptionKeyMissing
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.encryption import data_converter
from gilfoyle.temporal.messages import process_media_id
from gilfoyle.temporal.routes import IO, PIPELINE, TRANSCODE
from gilfoyle.workflows.process_media import ProcessMedia
from tests.integration.activities.pipeline import LOWEST
from tests.integration.workflows import test_extract_texts as texts
from tests.integration.workflows.service import Handle, Service, fault

NewService = Callable[..., AbstractAsyncContextManager[Service]]
TITLE = "The Orchid Affair"


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = key("2025"), key("2026-11")


async def with_keys(service: Service, *keys: str) -> Service:
    """The same service as processes see it that have those keys."""
    settings = service.parts.settings
    temporal = settings.temporal.model_copy(update={"encryption_keys": [SecretStr(each) for each in keys]})
    client = await connect(temporal)
    return Service(replace(service.parts, client=client, settings=settings.model_copy(update={"temporal": temporal})))


async def titled(service: Service, source: Path) -> tuple[Media, Handle]:
    """A media that is processed as the API has it processed."""
    media = await service.parts.catalog.medias.create(TITLE)
    media = await service.upload(media, source)
    pipeline = Pipeline(service.parts.client, service.parts.settings)
    await pipeline.start_processing(media, LOWEST)
    return media, service.parts.client.get_workflow_handle(process_media_id(media.id, media.encoding))


async def stored(service: Service, handle: Handle) -> bytes:
    """All that Temporal has of a workflow: its events and what it says of it, as one who runs Temporal reads them."""
    described = (await handle.describe()).raw_description.SerializeToString()
    history = await handle.fetch_history()
    return described + b"".join(event.SerializeToString() for event in history.events)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """With a text track, of which the language is told from activity to activity."""
    return texts.film(tmp_path, "orchid-affair.mkv")


async def test_nothing_of_a_media_is_readable(new_service: NewService, film: Path) -> None:
    words = [TITLE.encode(), b"orchid-affair.mkv", b"h264", b"90p", b"source_bytes"]
    async with new_service(working=False) as plain:
        service = await with_keys(plain, NEW)
        async with service.working():
            media, handle = await titled(service, film)
            await handle.result()
            refused, failed = await titled(service, _text(film))
            error = await fault(failed)
            assert error.type == "unsupported_media", "it is told why all the same"
        secret = await stored(service, handle) + await stored(service, failed)
        assert (await service.media(media)).status == MediaStatus.READY
        assert (await service.media(refused)).error_message == error.message
        _, begun = await titled(plain, film)
        readable = await stored(plain, begun)
        await begun.terminate()
    assert [word for word in words if word in secret] == []
    assert error.message.encode() not in secret
    assert TITLE.encode() in readable and b"source_bytes" in readable, "without a key it would be seen"


async def test_keys_rotate_while_work_goes_on(new_service: NewService, film: Path) -> None:
    """From no key to the first one to the next one, in the middle of a media."""
    async with new_service(working=False) as plain:
        old, both = await with_keys(plain, OLD), await with_keys(plain, NEW, OLD)
        media, handle = await titled(plain, film)
        async with plain.working(PIPELINE):
            await plain.until_scheduled(handle, "store")
        async with old.working(PIPELINE, IO):
            await old.until_scheduled(handle, "encode_video")
        async with both.working():
            await both.parts.client.get_workflow_handle(handle.id).result()
        history = await handle.fetch_history()
        kept = b"".join(event.SerializeToString() for event in history.events)
        assert b"2025" in kept and b"2026-11" in kept, "what names the keys"
        await Replayer(
            workflows=[ProcessMedia], data_converter=data_converter(both.parts.settings.temporal.key_ring())
        ).replay_workflow(history)
    assert (await plain.media(media)).status == MediaStatus.READY


async def test_a_worker_without_the_key_waits_and_says_so(
    new_service: NewService,
    film: Path,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The media waits in each kind of step, the API leaves it alone, and a worker that has the key completes it."""
    monkeypatch.setattr("gilfoyle.api.standing._HOPELESS", 2)
    async with new_service(working=False) as plain:
        service, without = await with_keys(plain, NEW), await with_keys(plain, OLD)
        media, handle = await titled(service, film)
        with caplog.at_level(logging.ERROR, "gilfoyle.temporal.encryption"):
            async with without.working():
                await until_tried(handle, 2)
                await due(database)
                for parts in (without.parts, service.parts):
                    await recover(parts.catalog, Pipeline(parts.client, parts.settings))
        said = [record.getMessage() for record in caplog.records if record.name == "gilfoyle.temporal.encryption"]
        assert said and all("encryption key 2026-11" in each and "temporal.encryption_keys" in each for each in said)
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING, "it was not begun again"
        async with service.working(PIPELINE), without.working(IO, TRANSCODE):
            await until_activity_failed(handle)
        async with service.working():
            await handle.result()
        terminated = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
        assert all(event.event_type != terminated for event in (await handle.fetch_history()).events)
    assert (await plain.media(media)).status == MediaStatus.READY


async def test_a_result_that_can_not_be_read_is_a_sentence(new_service: NewService, film: Path) -> None:
    async with new_service(working=False) as plain:
        service = await with_keys(plain, NEW)
        async with service.working():
            handle = await service.process(await service.accept(_text(film)), LOWEST)
            await fault(handle)
        with pytest.raises(EncryptionKeyMissing, match="the encryption key 2026-11"):
            await plain.parts.client.get_workflow_handle(handle.id).result()


async def until_tried(handle: Handle, times: int) -> None:
    """Until Temporal has asked so often for the workflow's next task."""
    async with asyncio.timeout(60):
        while (await handle.describe()).raw_description.pending_workflow_task.attempt < times:
            await asyncio.sleep(0.1)


async def until_activity_failed(handle: Handle) -> None:
    async with asyncio.timeout(30):
        while not any(
            each.HasField("last_failure") for each in (await handle.describe()).raw_description.pending_activities
        ):
            await asyncio.sleep(0.1)


async def due(database: Database) -> None:
    async with database.session() as session:
        await session.execute(text("UPDATE media SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL"))
        await session.commit()


def _text(beside: Path) -> Path:
    path = beside.with_name("orchid-affair.txt")
    path.write_bytes(b"this is not a film\n")
    return path
