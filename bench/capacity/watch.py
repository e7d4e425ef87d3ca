"""Looks at the servers for a while: what they are asked for, and what they hold meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import psutil
import psycopg
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from bench.capacity.results import Passes, Window
from bench.counters import Counters, ask, rates
from bench.cpu import with_children
from bench.server import Server
from bench.workers import Joined
from gilfoyle.catalog.database import Database
from gilfoyle.errors import StartupError
from gilfoyle.temporal.routes import FIRST, IO, PIPELINE, TRANSCODE, VERIFY, queue_name

_LOOK_S = 2.0
_REQUESTS, _DATABASE, _PENDING = "service_requests", "persistence_requests", "service_pending_requests"
_REFUSED, _CAUSE = "service_errors_resource_exhausted", "resource_exhausted_cause"
_OBJECTS = "SeaweedFS_s3_request_total"
_PASSES = "gilfoyle_passes"
_OURS = "bench"


@dataclass
class Samples:
    """What was there at each look."""

    running: list[float] = field(default_factory=list)
    polls: list[Mapping[str, float]] = field(default_factory=list)
    database: list[Mapping[str, int]] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    temporal_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """A window without its passes, which the hosts tell when they end; and from when to when it was (`time.time`)."""

    window: Window
    since: float
    until: float
    running: Sequence[float]


class Watch:
    """Of the servers that a `gilfoyle up` uses, a SeaweedFS, and hosts with where Prometheus reads them."""

    def __init__(self, up: Server, objects: str, client: Client, prefix: str) -> None:
        """`objects`: where Prometheus reads the SeaweedFS. Raises StartupError if Temporal is not on this machine."""
        self._objects, self._client, self._prefix = objects, client, prefix
        self._database = Database(up.settings.database.url)
        self._port = int(up.settings.temporal.address.rpartition(":")[2])
        self._temporal = _listening(self._port)
        self._namespace = up.settings.temporal.namespace
        self._http = httpx.AsyncClient(trust_env=False)
        self._metrics = ""
        self.hosts: dict[str, Joined] = {}
        """By where Prometheus reads each."""

    async def close(self) -> None:
        await self._http.aclose()
        await self._database.close()

    async def running(self) -> float:
        """How many passes all hosts run now."""
        told = await asyncio.gather(*(ask(self._http, url, [_PASSES]) for url in self.hosts))
        return sum(each.total(_PASSES, state="running") for each in told)

    async def requests(self, service: str) -> dict[str, float]:
        """How many requests to a service of Temporal there were so far, by operation."""
        return (await self._told()).by("operation", _REQUESTS, service_name=service)

    async def objects(self) -> dict[str, float]:
        """How many requests to the storage there were so far, by kind."""
        return (await ask(self._http, self._objects, [_OBJECTS])).by("type", _OBJECTS)

    async def look(self, seconds: float) -> Seen:
        """Watch for so long."""
        samples = Samples()
        since, told, objects, used, hosts = time.time(), await self._told(), await self.objects(), *self._cpu()
        while time.time() < since + seconds:
            await self._sample(samples)
            await asyncio.sleep(_LOOK_S)
        until, now, then, spent, worked = time.time(), await self._told(), await self.objects(), *self._cpu()
        took, before = until - since, self._asked(told)
        return Seen(
            Window(
                seconds=round(took, 1),
                requests={name: rates(before[name], after, took) for name, after in self._asked(now).items()},
                database_requests=rates(told.by("service_name", _DATABASE), now.by("service_name", _DATABASE), took),
                polls=_most([{name: int(value) for name, value in each.items()} for each in samples.polls]),
                pollers=await self._pollers(),
                refused=rates(told.by(_CAUSE, _REFUSED), now.by(_CAUSE, _REFUSED), took),
                temporal_connections=max(samples.connections),
                temporal_cores=round((spent - used) / took, 3),
                temporal_mb=round(max(samples.temporal_mb), 1),
                database_connections=_most(samples.database),
                storage=rates(objects, then, took),
                hosts_cores=round((worked - hosts) / took, 3),
                passes=Passes(0, 0, 0, 0, 0, 0, 0),
            ),
            since,
            until,
            samples.running,
        )

    async def _sample(self, samples: Samples) -> None:
        samples.running.append(await self.running())
        pending = (await self._told([_PENDING])).by(
            "operation", _PENDING, service_name="frontend", namespace=self._namespace
        )
        samples.polls.append({name: count for name, count in pending.items() if name.startswith("Poll")})
        samples.database.append(await self._connections())
        samples.connections.append(
            sum(
                each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self._port
                for each in self._temporal.net_connections("tcp")
            )
        )
        samples.temporal_mb.append(self._temporal.memory_info().rss / 2**20)

    async def _connections(self) -> dict[str, int]:
        """To PostgreSQL, by what each process calls itself (PGAPPNAME); the benchmark's own have no name."""
        query = (
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND application_name NOT IN ('', %s) GROUP BY 1"
        )
        async with await psycopg.AsyncConnection.connect(
            self._database.conninfo, application_name=_OURS, autocommit=True
        ) as connection:
            found = await connection.execute(query, [_OURS])
            return {str(name): int(count) for name, count in await found.fetchall()}

    async def _pollers(self) -> dict[str, int]:
        """How many identities Temporal has seen of late at each queue for activities. It keeps a thousand of them."""
        found = {}
        for queue in (TRANSCODE, FIRST, VERIFY, PIPELINE, IO):
            described = await self._client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self._namespace,
                    task_queue=TaskQueue(name=queue_name(self._prefix, queue)),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
                )
            )
            found[queue] = len({each.identity for each in described.pollers})
        return found

    def _asked(self, told: Counters) -> dict[str, dict[str, float]]:
        """Requests to each service, by operation; of the frontend's, those of our namespace."""
        return {
            "frontend": told.by("operation", _REQUESTS, service_name="frontend", namespace=self._namespace),
            **{name: told.by("operation", _REQUESTS, service_name=name) for name in ("history", "matching")},
        }

    def _cpu(self) -> tuple[float, float]:
        """Processor time of Temporal and of all hosts, so far (seconds)."""
        return with_children(self._temporal), sum(each.cpu_s() for each in self.hosts.values())

    async def _told(self, names: Sequence[str] = (_REQUESTS, _DATABASE, _PENDING, _REFUSED)) -> Counters:
        """What Temporal tells Prometheus. Its port is any that was free: the one that answers so."""
        if not self._metrics:
            listening = [each for each in self._temporal.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
            for port in {each.laddr.port for each in listening}:
                url = f"http://127.0.0.1:{port}/metrics"
                try:
                    if _REQUESTS in (await self._http.get(url, timeout=_LOOK_S)).text:
                        self._metrics = url
                except httpx.HTTPError:
                    continue
            if not self._metrics:
                raise StartupError("Temporal tells no metrics.")
        return await ask(self._http, self._metrics, names)


def _listening(port: int) -> psutil.Process:
    """The process that others connect to at that port. Raises StartupError."""
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
            return psutil.Process(each.pid)
    raise StartupError(f"No process of this machine listens on port {port}.")


def _most(samples: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Of each name the most at a time."""
    return {name: max(each.get(name, 0) for each in samples) for name in sorted({*(n for s in samples for n in s)})}
