"""What is of the whole installation, medias by status and passes without a worker: one API process tells of it."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from gilfoyle.catalog import Catalog
from gilfoyle.config import Settings
from gilfoyle.errors import Unavailable
from gilfoyle.metrics.passes import GAUGES, HELD_BACK, WAITING, Totals
from gilfoyle.temporal.routes import FIRST, TRANSCODE, pass_queue, queue_name

LEASE = "metrics"
LEASE_S = 90
"""How long the one that was asked last stays the one that tells (seconds): more than Prometheus' usual minute."""
_WAIT_S = 8.0
"""Less than the ten seconds that Prometheus waits for an answer."""
_RPC_TIMEOUT = timedelta(seconds=3)


class TotalsOfAll:
    """Asked by Prometheus' thread, answered in the loop of the block `told`."""

    def __init__(self, catalog: Catalog, client: Client, settings: Settings) -> None:
        self._catalog, self._client = catalog, client
        self._namespace, self._prefix = settings.temporal.namespace, settings.temporal.queue_prefix
        capabilities = ["", *sorted({*settings.encoding.encoders.values()})]
        self._queues = [pass_queue(queue, each) for each in capabilities for queue in (TRANSCODE, FIRST)]
        self._holder = uuid4()

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Tell Prometheus until the end of the block, as long as no other process does."""
        loop = asyncio.get_running_loop()

        def ask() -> Totals | None:
            asked = asyncio.run_coroutine_threadsafe(self._read_if_ours(), loop)
            try:
                return asked.result(_WAIT_S)
            except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError, Unavailable):
                asked.cancel()
                return None

        with GAUGES.told_by(ask):
            yield
        with suppress(Unavailable):
            await self._catalog.leases.give_back(LEASE, self._holder)

    async def read(self) -> Totals:
        """The totals, without what can't be reached."""
        medias, held_back, waiting = await asyncio.gather(self._medias(), self._held_back(), self._waiting())
        return Totals(medias, {**waiting, **held_back})

    async def _read_if_ours(self) -> Totals | None:
        if not await self._catalog.leases.take(LEASE, self._holder, LEASE_S):
            return None
        return await self.read()

    async def _medias(self) -> Mapping[str, int]:
        with suppress(Unavailable):
            return await self._catalog.medias.counts()
        return {}

    async def _held_back(self) -> Mapping[tuple[str, str], int]:
        with suppress(Unavailable):
            found = await self._catalog.encodings.held_back()
            return {(queue, HELD_BACK): found.get(queue, 0) for queue in {*self._queues, *found}}
        return {}

    async def _waiting(self) -> Mapping[tuple[str, str], int]:
        """What lies in the task queues of passes, as Temporal estimates it."""
        with suppress(RPCError, RuntimeError):  # the latter: a client that could not connect yet
            found = await asyncio.gather(*(self._backlog(queue) for queue in self._queues))
            return {(queue, WAITING): count for queue, count in zip(self._queues, found, strict=True)}
        return {}

    async def _backlog(self, queue: str) -> int:
        asked = DescribeTaskQueueRequest(
            namespace=self._namespace,
            task_queue=TaskQueue(name=queue_name(self._prefix, queue)),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
        )
        found = await self._client.workflow_service.describe_task_queue(asked, timeout=_RPC_TIMEOUT)
        return int(found.stats.approximate_backlog_count)
