"""A worker that stops hands its pass over at the end of a segment: hardly anything is encoded twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from gilfoyle.media.plan import Pass
from gilfoyle.metrics.instruments import ENCODED
from gilfoyle.temporal.handover import HANDED_OVER
from tests.integration.activities.pipeline import SMALL, Pipeline, ffmpegs

SLOW = SMALL.model_copy(update={"preset": "slower", "chunk_s": 64})


def encoded_s(fate: str) -> float:
    return float(ENCODED.labels(fate)._value.get())


async def test_a_pass_ends_with_its_segment_and_another_worker_makes_the_rest(long: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, SLOW)
    await pipeline.probe(long)
    names, all_of_it = pipeline.video, pipeline.plan.grid.segments
    whole = Pass(renditions=names, first=0, count=all_of_it, priority=1)
    environment = pipeline.environment()
    stored_s, lost_s = encoded_s("stored"), encoded_s("lost")
    work = asyncio.create_task(pipeline.encode([whole], environment))
    async with asyncio.timeout(60):
        while len(list(pipeline.folder.glob("*/*.m4s"))) < 3 * 4:
            assert not work.done()
            await asyncio.sleep(0.01)
    before = await pipeline.etags()

    environment.worker_shutdown()
    with pytest.raises(ApplicationError, match="another one goes on") as ended:
        await asyncio.wait_for(work, 30)
    assert (ended.value.type, ended.value.non_retryable) == (HANDED_OVER, False)
    assert ended.value.next_retry_delay is not None and ended.value.next_retry_delay.total_seconds() < 0.01
    assert not ffmpegs()

    # What was being made was stored: more than there was, of each rendition equally much.
    handed = await pipeline.etags()
    assert {key: handed[key] for key in before} == before
    counts = {name: sum(key.startswith(f"{name}/0") for key in handed) for name in names}
    assert min(counts.values()) > 4 and max(counts.values()) - min(counts.values()) <= 1
    assert max(counts.values()) < all_of_it
    assert encoded_s("stored") - stored_s == pytest.approx(sum(counts.values()) / 2)
    # What was encoded for nothing: of the segment that was begun, and what lay between decoder and encoders.
    assert 0 <= encoded_s("lost") - lost_s < len(names)

    await pipeline.encode()
    await pipeline.package()
    after = await pipeline.etags()
    assert {key: after[key] for key in handed} == handed
    assert pipeline.numbers() == {name: list(range(1200)) for name in names}


async def test_a_pass_that_begins_while_its_worker_stops_makes_a_segment(long: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, SLOW)
    await pipeline.probe(long)
    environment = pipeline.environment()
    environment.worker_shutdown()
    with pytest.raises(ApplicationError) as ended:
        await pipeline.encode([Pass(renditions=["90p"], first=0, count=20, priority=1)], environment)
    made = [key for key in await pipeline.etags() if key.endswith(".m4s")]
    assert made == [f"90p/{index:05d}.m4s" for index in range(len(made))] and 1 <= len(made) < 20
    assert f"from {len(made)} on" in str(ended.value)
    # One that is no longer than that is done, as if nothing were.
    await pipeline.encode([Pass(renditions=["90p"], first=len(made), count=1, priority=1)], environment)
    assert f"90p/{len(made):05d}.m4s" in await pipeline.etags()


async def test_a_worker_that_is_ended_while_it_waits_for_the_segment_loses_no_more(long: Path, tmp_path: Path) -> None:
    """The grace is over: Temporal's SDK cancels the activity."""
    pipeline = Pipeline(tmp_path, SLOW)
    await pipeline.probe(long)
    environment = pipeline.environment()
    whole = Pass(renditions=["90p"], first=0, count=pipeline.plan.grid.segments, priority=1)
    work = asyncio.create_task(pipeline.encode([whole], environment))
    async with asyncio.timeout(30):
        while len(list(pipeline.folder.glob("90p/*.m4s"))) < 2:
            await asyncio.sleep(0.01)
    environment.worker_shutdown()
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, 5)
    assert not ffmpegs() and not list((pipeline.root / ".tmp").iterdir())
    stored = [key for key in await pipeline.etags() if key.endswith(".m4s")]
    assert stored == [f"90p/{index:05d}.m4s" for index in range(len(stored))]
