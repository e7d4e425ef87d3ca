"""How often is enough: only what an activity itself did wrong is counted, across attempts and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from gilfoyle.errors import EncodeFailed, StorageError
from gilfoyle.temporal.attempts import own_details
from gilfoyle.temporal.heartbeat import Heartbeat
from gilfoyle.temporal.translate import TranslateErrors

ENDS = {"encode": EncodeFailed("ffmpeg gave up."), "store": StorageError("The store is away."), "bug": KeyError("key")}
AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1)


@activity.defn
async def work(ends: Sequence[str]) -> int:
    """Ends as the list says, an attempt after the other; `silence` never does. Then returns the last mark it has told.

    It tells how far it is, as a move does: that must reach the next attempt, too.
    """
    attempt = activity.info().attempt
    assert own_details() == ([attempt - 1] if attempt > 1 else [])
    activity.heartbeat(attempt)
    if attempt > len(ends):
        return attempt
    if ends[attempt - 1] == "silence":
        await asyncio.sleep(60)
    raise ENDS[ends[attempt - 1]]


@workflow.defn(sandboxed=False)
class Work:
    @workflow.run
    async def run(self, ends: list[str]) -> int:
        return await workflow.execute_activity(
            work,
            ends,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=0.5),
            retry_policy=AT_ONCE,
        )


@asynccontextmanager
async def worker(temporal: Client, *interceptors: TranslateErrors | Heartbeat) -> AsyncIterator[str]:
    queue = f"test-{uuid4().hex[:8]}"
    async with Worker(temporal, task_queue=queue, workflows=[Work], activities=[work], interceptors=interceptors):
        yield queue


async def attempts(temporal: Client, queue: str, ends: list[str]) -> int | ApplicationError:
    """The attempt that succeeded, or why it was given up."""
    try:
        return await temporal.execute_workflow(Work.run, ends, id=uuid4().hex, task_queue=queue)
    except WorkflowFailureError as error:
        assert isinstance(error.cause, ActivityError) and isinstance(error.cause.cause, ApplicationError)
        return error.cause.cause


@pytest.mark.slow
async def test_a_store_that_was_away_does_not_use_up_the_attempts_of_an_encode(temporal: Client) -> None:
    async with worker(temporal, TranslateErrors(notice_silence=True)) as queue:
        ends = ["store", "encode", *["store"] * 6, "bug", "encode", "store"]
        assert await attempts(temporal, queue, ends) == len(ends) + 1


async def test_the_third_clean_failure_of_an_encode_is_final(temporal: Client) -> None:
    async with worker(temporal, TranslateErrors(notice_silence=True)) as queue:
        given_up = await attempts(temporal, queue, ["encode", "store", "encode", "store", "encode"])
        assert isinstance(given_up, ApplicationError)
        assert (given_up.type, given_up.message) == ("encode_failed", "ffmpeg gave up.")


@pytest.mark.slow
async def test_the_fifth_unforeseen_error_is_final(temporal: Client) -> None:
    """Also beside beats, which repeat what was told."""
    async with worker(temporal, TranslateErrors(), Heartbeat()) as queue:
        assert await attempts(temporal, queue, ["bug", "bug", "store", "bug", "store", "bug"]) == 7
        given_up = await attempts(temporal, queue, ["bug", "store"] * 5)
        assert isinstance(given_up, ApplicationError) and given_up.type == "internal"
        assert "key" not in given_up.message and "KeyError: 'key'" in given_up.details


@pytest.mark.slow
async def test_what_silences_its_worker_again_and_again_is_given_up(temporal: Client) -> None:
    async with worker(temporal, TranslateErrors(notice_silence=True)) as queue:
        some, many = await asyncio.gather(
            attempts(temporal, queue, ["silence"] * 3), attempts(temporal, queue, ["silence"] * 9)
        )
        assert some == 4
        assert isinstance(many, ApplicationError)
        assert (many.type, many.details[0]) == ("encode_failed", "worker_lost")
        assert "8 workers died or fell silent" in many.message


async def test_silence_is_not_counted_where_workers_beat(temporal: Client) -> None:
    async with worker(temporal, TranslateErrors()) as queue:
        assert await attempts(temporal, queue, ["silence"] * 2 + ["store"]) == 4
