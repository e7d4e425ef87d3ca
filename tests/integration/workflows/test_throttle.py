"""What goes through a throttle leaves its queue, at a real server, nearly always in the order in which it came."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from gilfoyle.activities.turn import take_turn
from gilfoyle.workflows.throttle import AT_ONCE, Throttle

_NUMBER = 24
_WORK_S = 0.1
"""Of each, so that most of them wait in the queue."""


@workflow.defn
class Numbers:
    @workflow.run
    async def run(self, queue: str) -> None:
        throttle = Throttle()

        async def work(number: int) -> None:
            await throttle.enter()
            await workflow.execute_activity(
                "work", number, task_queue=queue, start_to_close_timeout=timedelta(seconds=30)
            )

        await asyncio.gather(*map(work, range(_NUMBER)))


async def began(client: Client) -> list[int]:
    """The numbers in the order in which a lone slot took them."""
    began: list[int] = []

    @activity.defn
    async def work(number: int) -> None:
        began.append(number)
        await asyncio.sleep(_WORK_S)

    name = uuid4().hex
    deciding = Worker(
        client,
        task_queue=f"{name}-pipeline",
        workflows=[Numbers],
        activities=[take_turn],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    working = Worker(client, task_queue=name, activities=[work], max_concurrent_activities=1)
    async with deciding, working:
        await client.execute_workflow(Numbers.run, name, id=name, task_queue=f"{name}-pipeline")
    return began


@pytest.mark.slow
async def test_they_keep_their_order(temporal_address: str) -> None:
    client = await Client.connect(temporal_address)
    runs = [await began(client) for _ in range(3)]
    # The first go one by one. Temporal does not promise that a moment is enough: two of them have been seen to change
    # places, though not in 65 runs, idle and busy. Without a throttle none of 15 runs had them in order.
    assert sum(run[:7] == list(range(7)) for run in runs) >= 2, runs
    # Of those that go together none moves further than as many as may; by 5, once in 20 runs.
    for run in runs:
        assert all(abs(place - number) <= AT_ONCE for place, number in enumerate(run)), run
