"""`bench capacity`: so many workers, idle and at work, on one Temporal, one PostgreSQL and one S3."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from bench import server
from bench.capacity import activities, results
from bench.capacity.host import arguments
from bench.capacity.report import table
from bench.capacity.results import Found, Real, Window
from bench.capacity.watch import Seen, Watch
from bench.fleet.sources import inits, still
from bench.fleet.uploads import Uploads
from bench.history import TRANSCODE, spans
from bench.machine import Machine
from bench.server import Server
from bench.servers.ports import free_ports
from bench.servers.seaweed import Seaweed, seaweed
from bench.source import CACHE, make
from bench.subject import Subject, examine
from bench.workers import Joined, joined
from gilfoyle.catalog import MediaStatus
from gilfoyle.config import load
from gilfoyle.errors import EncodeFailed
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.storage import Storages, keys
from gilfoyle.temporal.connect import connect

# The shipped settings for a Temporal of one's own (deploy/temporal-dynamic-config.yaml) name queues of this prefix.
PREFIX = "gilfoyle"
# A Python process has so many workers' connections and pollers without being what is measured.
_EACH = 125
# A process of each kind of light worker for so many that encode, as docs/scaling.md has it for 1,000 h a day.
_LIGHT_FOR = 250
_SLOTS = 2
"""As the chart has them."""
# Passes have filled the slots that they will once there are hardly more than a while ago.
_GROWS, _WHILE_S = 1.03, 15.0
_STOP_S = 120.0
_LIGHT = ("pipeline", "io")
# Fewer passes than a film has, so that others begin where some end.
_IN_FLIGHT = 64

Say = Callable[[str], None]


@dataclass(frozen=True)
class Load:
    """`films` of `film_s` seconds, a second apart, for so many `workers`; `speed` divides the time of their passes."""

    workers: int
    films: int
    film_s: int
    speed: float
    idle_s: float
    loaded_s: float
    fill_s: float
    """How long slots are waited for at most to be filled."""
    real_s: int
    """Length of the film that is really encoded first; 0: none."""
    temporal: str
    """Address of a Temporal of this machine that is used; empty: that of `gilfoyle up`."""


def capacity(load_: Load, *, as_json: bool) -> None:
    """Measure and print. Raises GilfoyleError."""
    settings, console = load(), Console(stderr=True)
    subject = still(CACHE, load_.film_s, settings, console.print)
    film = make(CACHE, load_.real_s, ffmpeg_path(settings.tools), console.print) if load_.real_s else None
    real = examine(film, settings) if film else None
    with (
        tempfile.TemporaryDirectory(prefix="gfb-") as name,
        seaweed() as objects,
        server.running({**_on(objects), **_at(load_.temporal)}) as up,
    ):
        inits(subject, settings, Path(name))
        found = asyncio.run(_Run(up, objects, load_, subject, real, Path(name), console.print).run())
    machine = Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        told = {"load": asdict(load_), "machine": asdict(machine), "found": asdict(found)}
        measures = {each.name: asdict(each) | {"limit": each.limit} for each in found.measures()}
        per_hour = {"storage_requests_per_hour": found.real.per_hour()} if found.real else {}
        print(json.dumps({**found.summary(), **per_hour, "measures": measures, **told}))


def _on(objects: Seaweed) -> dict[str, str]:
    """The settings of that storage."""
    return {
        "GILFOYLE_STORAGE__DRIVER": "s3",
        "GILFOYLE_STORAGE__S3__BUCKET": objects.bucket,
        "GILFOYLE_STORAGE__S3__ENDPOINT": objects.endpoint,
        "GILFOYLE_STORAGE__S3__ACCESS_KEY_ID": objects.access_key,
        "GILFOYLE_STORAGE__S3__SECRET_ACCESS_KEY": objects.secret_key,
    }


def _at(temporal: str) -> dict[str, str]:
    """The settings of `up`: its own workers are on queues of their own, and at that Temporal if there is an address."""
    own = {"PGAPPNAME": "up", "GILFOYLE_METRICS__PORT": "0", "GILFOYLE_TEMPORAL__QUEUE_PREFIX": "real"}
    return {**own, "GILFOYLE_TEMPORAL__ADDRESS": temporal} if temporal else own


class _Crew:
    """Processes that join and leave all at once."""

    def __init__(self) -> None:
        self._openings: list[AbstractContextManager[Joined]] = []

    async def join(self, each: Sequence[str], environment: Mapping[str, str]) -> Joined:
        """Raises StartupError."""
        opening = joined(each, environment, _STOP_S)
        worker = await asyncio.to_thread(opening.__enter__)
        self._openings.append(opening)
        return worker

    async def leave(self) -> None:
        """Stop all; what they said is there then."""
        await asyncio.gather(*(asyncio.to_thread(each.__exit__, None, None, None) for each in self._openings))
        self._openings.clear()


class _Run:
    def __init__(
        self, up: Server, objects: Seaweed, load_: Load, subject: Subject, real: Subject | None, inits_: Path, say: Say
    ) -> None:
        self._up, self._load, self._subject, self._real, self._inits, self._say = up, load_, subject, real, inits_, say
        self._objects = objects
        self._environment = {
            **up.environment,
            "GILFOYLE_WORKERS__HEARTBEAT_S": "5",  # as docs/scaling.md has it for so many
            "GILFOYLE_TEMPORAL__QUEUE_PREFIX": PREFIX,
            "GILFOYLE_WORKERS__TRANSCODE_SLOTS": str(_SLOTS),
            # All renditions from the beginning on: else each film has few passes until a third of its head is there.
            "GILFOYLE_ENCODING__HEAD": "0",
            "GILFOYLE_ENCODING__PASSES_IN_FLIGHT": str(_IN_FLIGHT),
        }
        self._light = max(1, round(load_.workers / _LIGHT_FOR))

    async def run(self) -> Found:
        """Raises GilfoyleError."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
        client = await connect(self._up.settings.temporal)
        watch = Watch(self._up, self._objects.metrics, client, PREFIX)
        crew = _Crew()
        try:
            real = await self._encode(watch) if self._real else None
            began = time.monotonic()
            hosts = await self._join(watch, crew)
            started = time.monotonic() - began
            self._say(f"{self._load.workers} workers after {started:.0f} s; they are idle …")
            idle = await watch.look(self._load.idle_s)
            loaded = await self._work(watch)
        finally:
            await crew.leave()
            await watch.close()
        seen = [activities.Seen(**each.told()) for each in hosts]
        return Found(
            self._load.workers,
            _SLOTS,
            self._light * len(_LIGHT),
            round(started, 1),
            _with_passes(idle, seen),
            _with_passes(loaded, seen),
            real,
        )

    async def _join(self, watch: Watch, crew: _Crew) -> list[Joined]:
        """Hosts, as few as can have so many workers, and light workers, each a process as anywhere."""
        number = math.ceil(self._load.workers / _EACH)
        shares = [self._load.workers // number + (index < self._load.workers % number) for index in range(number)]
        ports = free_ports(number + self._light * len(_LIGHT))
        joining = [
            crew.join(arguments(share, self._load.speed, self._inits), self._own(f"host-{index}", ports[index]))
            for index, share in enumerate(shares)
        ]
        for index in range(self._light * len(_LIGHT)):
            queue = _LIGHT[index % len(_LIGHT)]
            own = self._own(f"{queue}-{index // len(_LIGHT)}", ports[number + index])
            joining.append(crew.join(("gilfoyle", "worker", "--queue", queue), own))
        hosts = (await asyncio.gather(*joining))[:number]
        watch.hosts = {
            f"http://127.0.0.1:{port}/metrics": each for port, each in zip(ports[:number], hosts, strict=True)
        }
        return hosts

    def _own(self, name: str, port: int) -> dict[str, str]:
        return {**self._environment, "PGAPPNAME": name, "GILFOYLE_METRICS__PORT": str(port)}

    async def _work(self, watch: Watch) -> Seen:
        """Upload, wait until there are about as many passes as there will be, and watch."""
        uploads = Uploads(load(None, self._environment))
        try:
            medias = await uploads.store(self._subject.source, self._load.films)
            at = [float(index) for index in range(len(medias))]
            await uploads.send(medias, self._subject.source, at, lambda _: None)
            self._say(f"{await self._filled(watch):.0f} passes run")
            seen = await watch.look(self._load.loaded_s)
            if await uploads.count(MediaStatus.ERRORED):
                raise EncodeFailed("A media of the simulated fleet is Errored: its workflow tells why.")
        finally:
            await uploads.close()
        return seen

    async def _filled(self, watch: Watch) -> float:
        until, before = time.monotonic() + self._load.fill_s, 0.0
        while (running := await watch.running()) > before * _GROWS or not running:
            if time.monotonic() > until:
                break
            before = running
            await asyncio.sleep(_WHILE_S)
        return running

    async def _encode(self, watch: Watch) -> Real:
        """Let `up`'s own workers, which are real, encode a film."""
        assert self._real
        self._say(f"{self._load.real_s} s of film are really encoded …")
        uploads = Uploads(self._up.settings)
        storages = Storages(self._up.settings.storage)
        try:
            medias = await uploads.store(self._real.source, 1)
            objects, asked = await watch.objects(), await watch.requests("frontend")
            await uploads.process(medias, self._real.source)
            then, now = await watch.objects(), await watch.requests("frontend")
            (media,) = medias
            (passes,) = await spans(self._up, [str(media.id)])
            storage = await storages.open()
            names = [each.key async for each in storage.list(str(media.id))]
        finally:
            await uploads.close()
            await storages.close()
        return Real(
            self._load.real_s,
            sum(each.name in TRANSCODE for each in passes),
            sum(keys.segment_index(name) is not None for name in names),
            {kind: count - objects.get(kind, 0) for kind, count in then.items()},
            {name: count - asked.get(name, 0) for name, count in now.items() if count > asked.get(name, 0)},
        )


def _with_passes(look: Seen, seen: Sequence[activities.Seen]) -> Window:
    return replace(look.window, passes=results.passes(seen, look.since, look.until, look.running))
