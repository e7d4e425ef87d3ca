"""A storage move that Temporal has lost is begun again; one that somebody has stopped is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowFailureError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.recovery import recover_errands
from gilfoyle.catalog import Database
from gilfoyle.temporal.messages import MoveStorageInput, move_id
from tests.integration.workflows.moving import QUICK, ready, start
from tests.integration.workflows.test_move_storage import Place, place, working

__all__ = ["place", "working"]

Look = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def look(working: Place, database: Database) -> Look:
    pipeline = Pipeline(working.service.parts.client, working.service.parts.settings)

    async def look() -> list[str]:
        """What the API does after a minute; the ids of the errands that are left."""
        async with database.session() as session:
            await session.execute(text("UPDATE errand SET due_at = now() - interval '1 second'"))
        await recover_errands(working.catalog, pipeline)
        async with database.session() as session:
            return list((await session.scalars(text("SELECT id FROM errand"))).all())

    return look


async def test_one_that_was_lost_goes_on(working: Place, look: Look) -> None:
    """Before or after anything had moved: what lies where is in the catalog."""
    place = working
    there = await ready(place.catalog, place.old)
    await (await start(place.service)).result()
    media = await ready(place.catalog, place.old)
    errand = "another-" + move_id(place.service.parts.settings.temporal.queue_prefix)
    job = MoveStorageInput(target="other", **QUICK)  # type: ignore[arg-type]
    await place.catalog.errands.begin(errand, "MoveStorage", job.model_dump(mode="json"))
    assert await look() == [errand]
    result = await asyncio.wait_for(place.service.parts.client.get_workflow_handle(errand).result(), 60)
    assert result["moved"] == 1
    await place.only_in("other", media)
    await place.only_in("other", there)
    assert await look() == []


@pytest.mark.parametrize("how", ["runs", "cancelled", "terminated"])
async def test_one_that_was_not_lost(how: str, working: Place, look: Look) -> None:
    place = working
    await ready(place.catalog, place.old)
    place.new.stop_at = "00003.m4s"
    handle = await start(place.service)
    await asyncio.wait_for(place.new.stopped.wait(), 20)
    if how == "runs":
        assert await look() == [handle.id]
        place.new.go.set()
        await handle.result()
    else:
        await (handle.cancel() if how == "cancelled" else handle.terminate())
        place.new.go.set()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    run = (await handle.describe()).run_id
    assert await look() == []
    assert (await place.service.parts.client.get_workflow_handle(handle.id).describe()).run_id == run


async def test_one_that_can_not_begin_promises_nothing(working: Place, look: Look) -> None:
    with pytest.raises(WorkflowFailureError):
        await (await start(working.service, target="nowhere")).result()
    assert await look() == []
