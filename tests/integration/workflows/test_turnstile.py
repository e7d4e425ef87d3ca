"""What goes through a turnstile leaves its queue, at a real server, nearly in the order in which it came."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from gilfoyle.activities.turn import take_turn
from gilfoyle.workflows.turnstile import Turnstile

_NUMBER = 24
_WORK_S = 0.1
"""Of each, so that most of them wait in the queue."""


@workflow.defn
class Numbers:
    @workflow.run
    async def run(self, queue: str) -> None:
        turnstile = Turnstile()

        async def work(number: int) -> None:
            await turnstile.enter()
            await workflow.execute_activity(
                "work", number, task_queue=queue, start_to_close_timeout=timedelta(seconds=30)
            )

        await asyncio.gather(*map(work, range(_NUMBER)))


async def test_they_nearly_keep_their_order(temporal_address: str) -> None:
    began: list[int] = []

    @activity.defn
    async def work(number: int) -> None:
        began.append(number)
        await asyncio.sleep(_WORK_S)

    client = await Client.connect(temporal_address)
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
    # Nothing promises the order: two of those that go one by one have changed places, once in many runs. Over 65
    # runs, idle and busy, the places from one's own were 1.0 on average at most, and without a turnstile 2.9 at least.
    moved = [abs(place - number) for place, number in enumerate(began)]
    assert max(moved[:7]) <= 2, began
    assert sum(moved) / _NUMBER < 2, began
