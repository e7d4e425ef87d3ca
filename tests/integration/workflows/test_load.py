"""What each worker asks of Temporal, which has to bear a thousand of them (docs/scaling.md)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from gilfoyle.temporal.routes import FIRST, TRANSCODE, VERIFY
from gilfoyle.workers import build_workers
from tests.integration.workflows.service import Service

NewService = Callable[..., AbstractAsyncContextManager[Service]]

# A frontend's `frontend.namespaceCount`, by default.
POLLS = 1200


def workers(service: Service, queue: str) -> dict[str, Worker]:
    """Those of a process for that queue, by the names of theirs."""
    prefix = service.parts.settings.temporal.queue_prefix
    return {each.task_queue.removeprefix(f"{prefix}-"): each for each in build_workers(service.parts, [queue])}


async def test_one_that_encodes_has_one_poll_open_at_each_of_its_queues(new_service: NewService) -> None:
    async with new_service(working=False) as service:
        found = workers(service, TRANSCODE)
    assert {*found} == {TRANSCODE, FIRST, VERIFY}
    for each in found.values():
        assert each.config()["activity_task_poller_behavior"] == PollerBehaviorSimpleMaximum(1)
    assert len(found) * 400 <= POLLS


@pytest.mark.parametrize(("timeout_s", "asked_s", "every_s"), [(30, 2, 2), (60, 10, 10), (30, 10, 5), (6, 2, 1)])
async def test_beats_are_few_and_many_before_a_worker_is_taken_for_dead(
    new_service: NewService, timeout_s: float, asked_s: float, every_s: float
) -> None:
    async with new_service(working=False) as service:
        settings = service.parts.settings
        own = settings.workers.model_copy(update={"heartbeat_timeout_s": timeout_s, "heartbeat_s": asked_s})
        service.parts = replace(service.parts, settings=settings.model_copy(update={"workers": own}))
        config = workers(service, TRANSCODE)[TRANSCODE].config()
    # The SDK sends the latest beat so often, at most; and none later than four fifths of the timeout after the last.
    assert config["max_heartbeat_throttle_interval"] == timedelta(seconds=every_s)
    assert config["default_heartbeat_throttle_interval"] == timedelta(seconds=every_s)
    assert timeout_s >= 6 * every_s
