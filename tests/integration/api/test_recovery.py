"""What the catalog promises is done, whatever became of the workflow that was to do it; no worker runs here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.recovery import keep_recovering, recover
from gilfoyle.catalog import Catalog, Database, Media, MediaStatus, RenditionStatus
from gilfoyle.catalog.promises import Promises
from gilfoyle.config import Settings
from gilfoyle.errors import NotFound, Unavailable
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import delete_media_id, process_media_id, retry_media_id
from tests.integration.api.calling import calling
from tests.integration.api.conftest import eventually, processing
from tests.integration.api.test_retry import ready
from tests.promises import nothing_promised

RUNNING = WorkflowExecutionStatus.RUNNING


@pytest.fixture
async def pipeline(settings: Settings) -> Pipeline:
    return Pipeline(await connect(settings.temporal), settings)


async def overdue(database: Database, *medias: Media) -> None:
    """As if nothing had been heard of them for a minute."""
    change = text("UPDATE media SET due_at = now() - interval '1 second' WHERE id = ANY(:ids)")
    async with database.session() as session:
        await session.execute(change, {"ids": [media.id for media in medias]})


async def status(temporal: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    with suppress(RPCError):
        return (await temporal.get_workflow_handle(workflow_id).describe()).status
    return None


async def accepted(catalog: Catalog) -> Media:
    media = await catalog.medias.create("Film")
    return await catalog.uploads.accept(media.id, kind="video", file_name=None, size=3, sha256="0" * 64)


async def test_what_was_accepted_while_temporal_was_away_begins_when_it_is_back(
    catalog: Catalog, database: Database, settings: Settings, outage: Callable[[str], Settings], temporal: Client
) -> None:
    """Uploads, retries of medias and of renditions, deletions: all of them, without another request."""
    upload, retried, deleted = await accepted(catalog), await ready(catalog), await processing(catalog)
    await catalog.retries.reopen(retried.id, "720p")
    async with calling(outage("temporal")) as client:
        assert (await client.delete(f"/v1/medias/{deleted.id}")).status_code == 204
        assert (await client.get(f"/v1/medias/{deleted.id}")).status_code == 404
        await overdue(database, upload, retried, deleted)
        await asyncio.sleep(0.3)
    wanted = [process_media_id(upload.id, 1), retry_media_id(retried.id, 1), delete_media_id(deleted.id)]
    assert [await status(temporal, each) for each in wanted] == [None] * 3

    async def begun() -> None:
        assert [await status(temporal, each) for each in wanted] == [RUNNING] * 3

    async with calling(settings):
        await eventually(begun)


async def test_an_upload_is_looked_at_without_waiting_for_silence(catalog: Catalog) -> None:
    """Its server may have died between accepting it and starting the workflow."""
    media = await accepted(catalog)
    assert media.due_at is not None and 4 < (media.due_at - media.updated_at).total_seconds() < 6
    assert not await catalog.promises.is_any_due() and await catalog.promises.due() == []


async def test_what_runs_is_left_alone_and_looked_at_ever_less_often(
    catalog: Catalog, database: Database, pipeline: Pipeline, temporal: Client
) -> None:
    media = await accepted(catalog)
    await pipeline.start_processing(media)
    before = await temporal.get_workflow_handle(process_media_id(media.id, 1)).describe()
    for silent_s, wanted_s in ((0, 60), (300, 300), (86_400, 900)):
        change = text(f"UPDATE media SET updated_at = now() - interval '{silent_s} seconds'")
        async with database.session() as session:
            await session.execute(change)
        await overdue(database, media)
        assert await recover(catalog, pipeline) == 1
        async with database.session() as session:
            wait = await session.scalar(text("SELECT extract(epoch FROM due_at - now()) FROM media"))
        assert wanted_s - 5 < float(wait) < wanted_s + 5
    after = await temporal.get_workflow_handle(process_media_id(media.id, 1)).describe()
    assert (after.run_id, after.history_length) == (before.run_id, before.history_length)


@pytest.mark.parametrize("how", ["cancelled", "terminated"])
async def test_what_somebody_stopped_ends_with_that_reason_and_can_be_tried_again(
    how: str, client: httpx.AsyncClient, catalog: Catalog, database: Database, pipeline: Pipeline, temporal: Client
) -> None:
    media = await processing(catalog)
    await pipeline.start_processing(media)
    handle = temporal.get_workflow_handle(process_media_id(media.id, 1))
    # Without a worker nobody takes note of a cancellation: that is another test's (workflows/test_recovered.py).
    await handle.terminate("an operator")
    await overdue(database, media)
    await recover(catalog, pipeline)
    ended = await catalog.medias.get(media.id)
    assert (ended.status, ended.error_code, nothing_promised(ended)) == (MediaStatus.ERRORED, "cancelled", True)
    assert ended.error_message == "It was terminated in Temporal."


async def test_a_retry_that_somebody_terminated_leaves_its_rendition_errored(
    catalog: Catalog, database: Database, pipeline: Pipeline, temporal: Client
) -> None:
    media = await ready(catalog)
    again = await catalog.retries.reopen(media.id, "720p")
    await pipeline.start_retrying(again)
    await temporal.get_workflow_handle(retry_media_id(media.id, 1)).terminate("an operator")
    await overdue(database, media)
    await recover(catalog, pipeline)
    video, audio = await catalog.medias.renditions(media.id, 1)
    assert (video.status, video.error_code, audio.status) == (
        RenditionStatus.ERRORED,
        "cancelled",
        RenditionStatus.READY,
    )
    found = await catalog.medias.get(media.id)
    assert (found.status, nothing_promised(found)) == (MediaStatus.READY, True)


async def test_a_deletion_is_begun_again_however_it_ended(
    catalog: Catalog, database: Database, pipeline: Pipeline, temporal: Client
) -> None:
    """Nobody sees the media any more, so nobody could ask again."""
    media = await processing(catalog)
    await catalog.medias.mark_deleting(media.id)
    await pipeline.start_deleting(media.id)
    first = await temporal.get_workflow_handle(delete_media_id(media.id)).describe()
    await temporal.get_workflow_handle(delete_media_id(media.id)).terminate("an operator")
    await overdue(database, media)
    await recover(catalog, pipeline)
    second = await temporal.get_workflow_handle(delete_media_id(media.id)).describe()
    assert second.status == RUNNING and second.run_id != first.run_id


async def test_what_was_begun_by_other_settings_goes_on_by_those(
    catalog: Catalog, database: Database, settings: Settings, temporal: Client
) -> None:
    """Its workflow was lost, and the ladder was changed meanwhile: half of each would not play together."""
    media, unreadable = await processing(catalog), await processing(catalog)
    policy = settings.encoding.model_dump(mode="json") | {"preset": "medium"}
    await catalog.encodings.plan(media.id, 1, [], recipe=({"any": "plan"}, policy))
    await catalog.encodings.plan(unreadable.id, 1, [], recipe=({"any": "plan"}, {"dropped": 1}))
    await overdue(database, media, unreadable)
    assert settings.encoding.preset != "medium"
    await recover(catalog, Pipeline(await connect(settings.temporal), settings))
    history = await temporal.get_workflow_handle(process_media_id(media.id, 1)).fetch_history()
    sent = history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data
    assert b'"preset":"medium"' in sent
    assert (await catalog.medias.get(unreadable.id)).encoding == 2
    assert await status(temporal, process_media_id(unreadable.id, 2)) == RUNNING


async def test_of_many_who_look_one_gets_it(catalog: Catalog, database: Database, pipeline: Pipeline) -> None:
    medias = [await accepted(catalog) for _ in range(30)]
    await overdue(database, *medias)
    found = [media.id for some in await asyncio.gather(*(catalog.promises.due(10) for _ in range(5))) for media in some]
    assert len(found) == len(set(found)) == 30
    await overdue(database, *medias)
    assert sorted(await asyncio.gather(*(recover(catalog, pipeline) for _ in range(3)))) == [0, 10, 20]


async def test_what_a_workflow_tells_puts_the_look_off_and_its_end_takes_it_away(
    catalog: Catalog, database: Database
) -> None:
    media, other = await processing(catalog), await processing(catalog)
    await overdue(database, media, other)
    await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.5)
    await catalog.medias.edit(other.id, title="Not what a workflow does")
    assert [each.id for each in await catalog.promises.due()] == [other.id]
    await catalog.encodings.finish(media.id, 1)
    await catalog.encodings.fail(other.id, "encode_failed", "Broken.")
    assert [nothing_promised(await catalog.medias.get(each.id)) for each in (media, other)] == [True, True]


async def test_without_temporal_all_stays_due(
    catalog: Catalog, database: Database, outage: Callable[[str], Settings]
) -> None:
    away = outage("temporal")
    pipeline = Pipeline(await connect(away.temporal, lazy=True), away)
    media = await accepted(catalog)
    assert await recover(catalog, pipeline) == 0  # nothing is due: Temporal is not even asked
    await overdue(database, media)
    with pytest.raises(Unavailable):
        await recover(catalog, pipeline)
    assert await catalog.promises.is_any_due()


class Odd(Pipeline):
    """Does not answer as expected, for some medias."""

    wrong: frozenset[UUID] = frozenset()

    async def start(self, media: Media, *more: object) -> None:
        if media.id in self.wrong:
            raise KeyError(media.id)
        await super().start(media)


async def test_a_media_at_which_it_stumbles_keeps_none_of_the_others(
    catalog: Catalog, database: Database, settings: Settings, temporal: Client, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = Odd(await connect(settings.temporal), settings)
    medias = [await accepted(catalog) for _ in range(3)]
    pipeline.wrong = frozenset({medias[1].id})
    await overdue(database, *medias)
    assert await recover(catalog, pipeline) == 3
    found = [await status(temporal, process_media_id(media.id, 1)) for media in medias]
    assert found == [RUNNING, None, RUNNING]
    assert f"seeing to media {medias[1].id}" in caplog.text
    assert not await catalog.promises.is_any_due()  # but in a while


class Stumbling(Promises):
    """Raises what nobody expects, the first two times."""

    times = 0

    async def is_any_due(self) -> bool:
        self.times += 1
        if self.times <= 2:
            raise KeyError("strange")
        return await super().is_any_due()


async def test_whatever_goes_wrong_it_goes_on(
    database: Database, pipeline: Pipeline, temporal: Client, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = Catalog(database)
    catalog.promises = Stumbling(database)
    media = await accepted(catalog)
    await overdue(database, media)

    async def begun() -> None:
        assert await status(temporal, process_media_id(media.id, 1)) == RUNNING

    task: Awaitable[None] = asyncio.ensure_future(keep_recovering(catalog, pipeline, asyncio.Event(), every_s=0.01))
    try:
        await eventually(begun)
    finally:
        task.cancel()  # type: ignore[attr-defined]
        with suppress(asyncio.CancelledError):
            await task
    assert caplog.text.count("KeyError: 'strange'") == 2


async def test_a_media_that_is_gone_by_then_is_no_error(
    catalog: Catalog, database: Database, pipeline: Pipeline, temporal: Client
) -> None:
    media = await accepted(catalog)
    await overdue(database, media)
    (found,) = await catalog.promises.due()
    await catalog.medias.remove(media.id)
    with pytest.raises(NotFound):
        await catalog.medias.source(found.id)
    await overdue(database, media)
    assert await recover(catalog, pipeline) == 0
