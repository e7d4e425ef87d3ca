"""One load on one fleet: the real workflow, catalog, storage and light steps, and slots that only wait."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import cpu
from bench.fleet.activities import Busy, Speeds
from bench.fleet.costs import cost_s
from bench.fleet.idle import idle
from bench.fleet.results import Case
from bench.fleet.uploads import Uploads
from bench.fleet.worker import arguments
from bench.history import spans
from bench.server import Server
from bench.subject import Subject
from bench.workers import joined
from gilfoyle.catalog import Media
from gilfoyle.config import load

LIGHT = ("gilfoyle", "worker", "--queue", "pipeline", "--queue", "io")
"""The arguments of `python -m` for a worker that does all but the passes."""
# CPU seconds that a media costs besides its passes: Temporal, the catalog, ffprobe, the playlists.
_ORCHESTRATING_S = 0.6
# How much of the machine orchestrating may take: with more, steps wait for the cores.
_SHARE = 0.6


@dataclass(frozen=True)
class Load:
    """So many uploads of the same film, all at once."""

    name: str
    subject: Subject
    medias: int


@dataclass(frozen=True)
class Fleet:
    """`slots` that are to be busy for `least_s` seconds, or longer: `speed`, if given, is what passes are divided by.

    `inits`: see bench.fleet.worker.
    """

    slots: int
    least_s: float
    speed: float | None
    inits: Path

    def speed_for(self, work_s: float, medias: int) -> float:
        """By what the passes' time is divided: never so much that this machine could not orchestrate that fast."""
        if self.speed:
            return self.speed
        lasts_s = max(self.least_s, medias * _ORCHESTRATING_S / (os.cpu_count() or 1) / _SHARE)
        return round(max(1.0, work_s / self.slots / lasts_s), 2)


def run(server: Server, load_: Load, fleet: Fleet) -> Case:
    """Let the fleet work on it, on task queues of its own. Raises GilfoyleError."""
    environment = {
        **server.environment,
        "GILFOYLE_TEMPORAL__QUEUE_PREFIX": f"fleet-{fleet.slots}-{load_.name}",
    }
    return asyncio.run(_run(server, environment, load_, fleet))


async def _run(server: Server, environment: Mapping[str, str], load_: Load, fleet: Fleet) -> Case:
    uploads = Uploads(load(None, environment))
    try:
        medias = await uploads.store(load_.subject.source, load_.medias)
        speed = fleet.speed_for(_work_s(load_, medias), load_.medias)
        simulated = arguments(fleet.slots, Speeds(speed, speed), fleet.inits)
        with joined(LIGHT, environment) as steps, joined(simulated, environment) as slots:
            before = _cpu(server, steps.cpu_s(), slots.cpu_s())
            began, ended = await uploads.process(medias, load_.subject.source)
            after = _cpu(server, steps.cpu_s(), slots.cpu_s())
    finally:
        await uploads.close()
    passes = await spans(server, [str(media.id) for media in medias], since=0.0)
    return Case(
        load=load_.name,
        slots=fleet.slots,
        speed=speed,
        medias=load_.medias,
        makespan_s=round(ended - began, 3),
        busy=Busy(**slots.told()),
        idle=idle((span for each in passes for span in each), fleet.slots, began, ended),
        cpu_s={name: _less(after[name], before[name]) for name in after},
        cores=os.cpu_count() or 1,
    )


def _work_s(load_: Load, medias: list[Media]) -> float:
    """What the passes take on one core. About: the workflow may join some of them."""
    plan = load_.subject.plan
    return sum(cost_s(plan, chunk, str(media.id)) for media in medias for chunk in plan.passes)


def _cpu(server: Server, steps: float, slots: float) -> dict[str, float | None]:
    used = cpu.used(server.pid)
    return {
        cpu.TEMPORAL: used[cpu.TEMPORAL],
        cpu.POSTGRES: used[cpu.POSTGRES],
        "light worker": steps,
        "simulated slots": slots,
    }


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else round(after - before, 2)
