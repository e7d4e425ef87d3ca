"""`bench cluster`: uploads come and cease, twice, and Kubernetes and KEDA decide how many workers there are."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console

from bench import server
from bench.cluster import control
from bench.cluster.client import Client
from bench.cluster.control import Windows
from bench.cluster.node import Node, deployment_path, slots_of
from bench.cluster.processes import Processes
from bench.cluster.prometheus import Prometheus
from bench.cluster.results import FIRST_AIM_S, REDONE_AIM, Cycle, Found, Sample, below_running, lowered_below_running
from bench.fleet.case import LIGHT
from bench.fleet.sources import inits, still
from bench.fleet.uploads import Uploads
from bench.history import TRANSCODE, spans
from bench.machine import Machine
from bench.server import Server
from bench.servers.ports import free_ports
from bench.source import CACHE
from bench.subject import Subject
from bench.tables import figures
from bench.workers import joined
from gilfoyle.config import load
from gilfoyle.errors import EncodeFailed
from gilfoyle.tasks import stop

# When films come, in seconds from the beginning of a cycle, and how many: most at once, and fewer and fewer.
_ARRIVALS = ((0, 6), (15, 4), (40, 2), (65, 1), (90, 1))
_LOOK_S = 1.0
_IDLE_S = 20.0
_GIVE_UP_S = 600.0
# As many workers are started and stopped at the same time as there may be.
_THREADS = 64

Say = Callable[[str], None]


@dataclass(frozen=True)
class Load:
    """`cycles` times 14 films of `film_s` seconds; the time of their passes is divided by `speed`."""

    cycles: int
    film_s: int
    speed: float


def cluster(built: Path, load_: Load, *, logs: Path | None, as_json: bool) -> None:
    """Measure and print. `built`: the folder of deploy/kubernetes/check/build.sh. Raises GilfoyleError."""
    built = built.resolve()
    settings, console = load(), Console(stderr=True)
    subject = still(CACHE, load_.film_s, settings, console.print)
    with (
        tempfile.TemporaryDirectory(prefix="gfb-", ignore_cleanup_errors=True) as name,
        server.running({"GILFOYLE_METRICS__PORT": "0"}) as up,
    ):
        folder = Path(name)
        (folder / "inits").mkdir()
        inits(subject, settings, folder / "inits")
        processes = Processes(folder)
        try:
            found = asyncio.run(_Run(up, load_, subject, folder, processes, console.print).run(built))
        finally:
            processes.stop()
            if logs:
                logs.mkdir(parents=True, exist_ok=True)
                for each in folder.glob("*.log"):
                    shutil.copy(each, logs)
    machine = Machine.here(settings)
    Console().print(_table(found, str(machine)))
    if as_json:
        told = {"load": asdict(load_), "windows": asdict(Windows()), "machine": asdict(machine), "found": asdict(found)}
        print(json.dumps({**found.summary(), **told}))


def _table(found: Found, caption: str) -> object:
    cycles, total = found.cycles, found.summary()

    def row(name: str, values: list[str], aim: str = "") -> list[str]:
        return [name, *values, aim]

    rows = [
        row("first worker wanted, s", [f"{each.first_wanted_s:.1f}" for each in cycles]),
        row("first worker ready, s", [f"{each.first_replica_s:.1f}" for each in cycles], f"≤ {FIRST_AIM_S:g}"),
        row("all Ready, s", [f"{each.ready_s:.0f}" for each in cycles]),
        row("last worker gone, s", [f"{each.none_s:.0f}" for each in cycles]),
        row("workers at most", [str(each.most) for each in cycles]),
        row("samples below running", [str(each.below_running) for each in cycles], "0"),
        row("lowered below running", [str(each.lowered_below_running) for each in cycles], "0"),
        row("workers when idle", [str(each.idle_replicas) for each in cycles], "0"),
        row("encoded again", [f"{total['redone_share']:.4f}", *[""] * (len(cycles) - 1)], f"≤ {REDONE_AIM:g}"),
        row("pods ended, of them busy", [f"{found.ended}, {found.ended_busy}", *[""] * (len(cycles) - 1)]),
        row("pods that told their cost", [str(found.told_busy), *[""] * (len(cycles) - 1)]),
    ]
    headings = [*(f"cycle {number + 1}" for number in range(len(cycles))), "aim"]
    return figures("real controllers, and a fleet that obeys", headings, rows, caption)


@dataclass
class _Run:
    up: Server
    load: Load
    subject: Subject
    folder: Path
    processes: Processes
    say: Say
    samples: list[Sample] = field(default_factory=list)
    slots: int = 1

    async def run(self, built: Path) -> Found:
        """Raises GilfoyleError."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        environment = {
            **self.up.environment,
            "GILFOYLE_TEMPORAL__QUEUE_PREFIX": "cluster",
            "GILFOYLE_METRICS__PORT": "0",
        }
        with joined(LIGHT, environment):
            api = self._start_api(environment)
            prometheus = Prometheus(self.folder, self.processes)
            plane = control.start(built, self.folder, self.processes)
            plane.apply_gilfoyle(prometheus.url, Windows())
            plane.start_controllers()
            plane.start_keda()
            client = Client(plane.url, plane.token, plane.certificates.authority)
            node = Node(plane, client, prometheus, environment, self.folder / "inits", self.load.speed, {"api": api})
            try:
                return await self._watched(node, environment)
            finally:
                await client.close()

    async def _watched(self, node: Node, environment: dict[str, str]) -> Found:
        deployment = await node.client.get(deployment_path())
        self.slots = slots_of(deployment["spec"]["template"]["spec"])
        beside = [asyncio.create_task(node.run()), asyncio.create_task(self._sample(node))]
        cycles = asyncio.create_task(self._cycles(node, environment))
        try:
            done, _ = await asyncio.wait([cycles, *beside], return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
            return Found(
                cycles.result(), node.done.segments, node.done.redone, node.ended, node.ended_busy, len(node.told)
            )
        finally:
            await stop([cycles])
            await stop(beside)

    def _start_api(self, environment: dict[str, str]) -> str:
        """An API process that tells what waits in the queues of these workers. Where Prometheus reads it."""
        port, metrics = free_ports(2)
        own = {**environment, "GILFOYLE_SERVER__PORT": str(port), "GILFOYLE_METRICS__PORT": str(metrics)}
        self.processes.start("api", [sys.executable, "-m", "gilfoyle", "api"], own)
        self.processes.wait(f"http://127.0.0.1:{metrics}/metrics", 'state="waiting"')
        return f"127.0.0.1:{metrics}"

    async def _sample(self, node: Node) -> None:
        """Look, each second, until cancelled."""
        while True:
            self.processes.check()
            deployment, (long, running) = await asyncio.gather(node.client.get(deployment_path()), node.running())
            self.samples.append(Sample(time.time(), deployment["spec"]["replicas"], node.size, long, running))
            await asyncio.sleep(_LOOK_S)

    async def _cycles(self, node: Node, environment: dict[str, str]) -> list[Cycle]:
        await self._none(0)
        self.say("the shipped replica was taken away: there is nothing to do")
        return [await self._cycle(number, node, environment) for number in range(self.load.cycles)]

    async def _cycle(self, number: int, node: Node, environment: dict[str, str]) -> Cycle:
        began, pods = len(self.samples), len(node.ready)
        uploads = Uploads(load(None, environment))
        try:
            at = [seconds for seconds, count in _ARRIVALS for _ in range(count)]
            medias = await uploads.store(self.subject.source, len(at))
            events = await uploads.catalog.events.last()
            await uploads.send(medias, self.subject.source, at, self._sent)
            await uploads.ended(medias, events, _GIVE_UP_S)
        finally:
            await uploads.close()
        ready = time.time()
        self.say(f"cycle {number + 1}: all Ready, {node.size} workers")
        await self._none(began + 1)
        none = time.time()
        self.say(f"cycle {number + 1}: no worker any more")
        await asyncio.sleep(_IDLE_S)
        idle = [each for each in self.samples if each.at > none]
        passes = await spans(self.up, [str(each.id) for each in medias], since=0.0)
        queued = min(each.scheduled for media in passes for each in media if each.name in TRANSCODE)
        seen = self.samples[began:]
        return Cycle(
            first_wanted_s=round(next(each.at for each in seen if each.wanted) - queued, 1),
            first_replica_s=round(node.ready[pods] - queued, 1),
            ready_s=round(ready - queued, 1),
            none_s=round(none - queued, 1),
            most=max(each.wanted for each in seen),
            below_running=below_running(seen, self.slots),
            lowered_below_running=lowered_below_running(seen, self.slots),
            idle_replicas=max(max(each.wanted, each.pods) for each in idle),
        )

    def _sent(self, number: int) -> None:
        last = self.samples[-1]
        self.say(f"{number} films; {last.wanted} workers wanted, {last.running} passes run")

    async def _none(self, after: int) -> None:
        """Wait for a sample, at that place or later, without any worker."""
        until = time.monotonic() + _GIVE_UP_S
        while not any(each.wanted == each.pods == 0 for each in self.samples[max(after, len(self.samples) - 1) :]):
            if time.monotonic() > until:
                raise EncodeFailed(f"There are still {self.samples[-1].wanted} workers, with nothing to do.")
            await asyncio.sleep(0.2)
