"""A workflow whose history grows long goes on in another run, as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError

from gilfoyle.catalog import MediaStatus, RenditionStatus
from gilfoyle.temporal.messages import RetryMediaInput, process_media_id, retry_media_id
from gilfoyle.workflows.process_media import ProcessMedia
from gilfoyle.workflows.retry_media import RetryMedia
from tests.integration.activities.pipeline import SMALL
from tests.integration.workflows.service import Handle, Service
from tests.poison import Poison
from tests.promises import nothing_promised
from tests.sources import read_numbers

NewService = Callable[..., AbstractAsyncContextManager[Service]]
MOST_EVENTS = 60
FEW_AT_ONCE = SMALL.model_copy(update={"passes_in_flight": 2})
VIDEO = ["180p", "120p", "90p"]


async def runs(service: Service, workflow_id: str) -> list[Handle]:
    """Its runs, the first one first."""
    found: list[Handle] = []
    client = service.parts.client
    run_id = (await client.get_workflow_handle(workflow_id).describe()).run_id
    while run_id:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        found.insert(0, handle)
        first = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        run_id = first.continued_execution_run_id
    return found


async def passes(service: Service, handles: list[Handle]) -> Counter[str]:
    """Which were begun in all runs, and how often."""
    return Counter([name for handle in handles for name in await service.encodes_started(handle)])


async def test_every_pass_runs_once_and_every_frame_is_there_once(service: Service, long_film: Path) -> None:
    media = await service.accept(long_film)
    handle = await service.process(media, FEW_AT_ONCE, most_events=MOST_EVENTS)
    await handle.result()
    found = await runs(service, handle.id)
    assert len(found) > 2
    for run in found:
        # The passes that were in flight, and on slow cores what they announced meanwhile.
        assert (await run.describe()).history_length < MOST_EVENTS + 200
    assert set((await passes(service, found)).values()) == {1}
    after = await service.media(media)
    assert (after.status, after.progress, nothing_promised(after)) == (MediaStatus.READY, 1.0, True)
    for name in VIDEO:
        assert read_numbers(service.playlist(media, name)) == list(range(900))


@pytest.mark.slow
async def test_a_rendition_that_failed_in_an_earlier_run_stays_failed_and_can_be_tried_again(
    new_service: NewService, long_film: Path, tmp_path: Path
) -> None:
    poison = Poison(tmp_path)
    async with new_service(ffmpeg=poison.ffmpeg) as service:
        poison.put(120)
        media = await service.accept(long_film)
        handle = await service.process(media, FEW_AT_ONCE, most_events=MOST_EVENTS)
        await handle.result()
        assert len(await runs(service, handle.id)) > 1
        rows = await service.renditions(media)
        assert {name: row.status for name, row in rows.items() if name in VIDEO} == {
            "180p": RenditionStatus.READY,
            "120p": RenditionStatus.ERRORED,
            "90p": RenditionStatus.READY,
        }
        poison.take(120)
        await service.parts.catalog.retries.reopen(media.id, "120p")
        again = await service.parts.client.start_workflow(
            RetryMedia.run,
            RetryMediaInput(media_id=media.id, encoding=1, most_events=40),
            id=retry_media_id(media.id, 1),
            task_queue=service.queue,
        )
        await again.result()
        found = await runs(service, again.id)
        assert len(found) > 1
        assert set((await passes(service, found)).values()) == {1}
        assert (await service.renditions(media))["120p"].status == RenditionStatus.READY
        assert read_numbers(service.playlist(media, "120p")) == list(range(900))


@pytest.mark.slow
async def test_a_history_of_many_bytes_goes_on_in_another_run(service: Service, long_film: Path) -> None:
    media = await service.accept(long_film)
    handle = await service.process(media, FEW_AT_ONCE, most_bytes=60_000)
    await handle.result()
    found = await runs(service, handle.id)
    assert len(found) > 1
    assert set((await passes(service, found)).values()) == {1}


async def test_it_is_deleted_in_a_later_run(service: Service, long_film: Path) -> None:
    media = await service.accept(long_film)
    handle = await service.process(media, FEW_AT_ONCE, most_events=MOST_EVENTS)
    await service.until(media, lambda found: found.progress > 0.4)
    assert len(await runs(service, handle.id)) > 1
    await (await service.delete(media)).result()
    assert await service.is_gone(media)
    with pytest.raises(WorkflowFailureError):
        await service.parts.client.get_workflow_handle_for(ProcessMedia.run, process_media_id(media.id, 1)).result()
