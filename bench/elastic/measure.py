"""`bench elastic`: one day of uploads, squeezed, on a fleet that is large enough all day and on one that is scaled."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench import server
from bench.elastic.day import arrivals
from bench.elastic.fleet import Fleet
from bench.elastic.scaler import LOOK_S, Scaler
from bench.fleet.case import LIGHT
from bench.fleet.sources import inits, still
from bench.fleet.uploads import Uploads
from bench.machine import Machine
from bench.server import Server
from bench.source import CACHE
from bench.subject import Subject
from bench.tables import figures
from bench.workers import joined
from gilfoyle.api.totals import TotalsOfAll
from gilfoyle.catalog import Catalog
from gilfoyle.config import load
from gilfoyle.metrics.passes import WAITING
from gilfoyle.tasks import stop
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.routes import FIRST

COST_AIM, PLAY_AIM, REDONE_AIM = 1.15, 2.0, 0.01
_SLOTS = 4
_GIVE_UP_S = 1200.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Day:
    """`seconds` that the day takes, in which `uploads` of `film_s` seconds come; passes are divided by `speed`."""

    seconds: float
    uploads: int
    film_s: int
    speed: float
    most: int
    """Workers that the fixed fleet has, and the scaled one at most."""


@dataclass(frozen=True)
class Passed:
    """What became of a day, in seconds of slots, and how long it took until each upload played.

    `slot_s`: they were there; `moving_s` of it their workers were starting or stopping; `busy_s`: a pass held them;
    `encoded_s`: it "encoded" a segment.
    """

    slot_s: float
    moving_s: float
    busy_s: float
    encoded_s: float
    redone: float
    most: int
    plays_s: list[float]

    @property
    def play_p95_s(self) -> float:
        return statistics.quantiles(self.plays_s, n=20)[-1]


def elastic(day: Day, *, as_json: bool) -> None:
    """Measure and print. Raises GilfoyleError."""
    settings, console = load(), Console(stderr=True)
    subject = still(CACHE, day.film_s, settings, console.print)
    with tempfile.TemporaryDirectory(prefix="gfb-") as name, server.running() as up:
        inits(subject, settings, Path(name))
        found = {
            kind: asyncio.run(_Passing(up, day, subject, Path(name), kind, console.print).run())
            for kind in ("fixed", "scaled")
        }
    total = summary(found["fixed"], found["scaled"])
    machine = Machine.here(settings)
    Console().print(_table(found, total, str(machine)))
    if as_json:
        print(
            json.dumps(
                {
                    **total,
                    "day": asdict(day),
                    "machine": asdict(machine),
                    "found": {k: asdict(v) for k, v in found.items()},
                }
            )
        )


def summary(fixed: Passed, scaled: Passed) -> dict[str, float]:
    """The figures that have an aim."""
    return {
        "slot_cost_ratio": round(scaled.slot_s / scaled.busy_s, 3),
        "play_p95_ratio": round(scaled.play_p95_s / fixed.play_p95_s, 2),
        "redone_share": round(scaled.redone, 4),
    }


def _table(found: Mapping[str, Passed], total: Mapping[str, float], caption: str) -> object:
    fixed, scaled = found["fixed"], found["scaled"]
    rows = [
        ["slot seconds there", f"{scaled.slot_s:.0f}", f"{fixed.slot_s:.0f}", "", ""],
        ["of them starting or stopping", f"{scaled.moving_s:.0f}", f"{fixed.moving_s:.0f}", "", ""],
        ["slot seconds that a pass held", f"{scaled.busy_s:.0f}", f"{fixed.busy_s:.0f}", "", ""],
        ['of them "encoding"', f"{scaled.encoded_s:.0f}", f"{fixed.encoded_s:.0f}", "", ""],
        ["there, over held", "", "", f"{total['slot_cost_ratio']:.3f}", f"≤ {COST_AIM:g}"],
        ["plays after, 95th percentile", f"{scaled.play_p95_s:.1f} s", f"{fixed.play_p95_s:.1f} s",
         f"{total['play_p95_ratio']:.2f}", f"≤ {PLAY_AIM:g}"],
        ["encoded again", f"{total['redone_share']:.4f}", "", "", f"≤ {REDONE_AIM:g}"],
        ["workers at most", str(scaled.most), str(fixed.most), "", ""],
    ]  # fmt: skip
    return figures("a day on a fleet", ("scaled", "fixed", "ratio", "aim"), rows, caption)


class _Passing:
    """One day on one kind of fleet."""

    def __init__(self, up: Server, day: Day, subject: Subject, inits_: Path, kind: str, say: Say) -> None:
        self._day, self._subject, self._kind, self._say = day, subject, kind, say
        self._environment = {**up.environment, "GILFOYLE_TEMPORAL__QUEUE_PREFIX": f"elastic-{kind}"}
        self._settings = load(None, self._environment)
        self._fleet = Fleet(_SLOTS, day.speed, inits_, self._environment)

    async def run(self) -> Passed:
        """Raises EncodeFailed."""
        uploads = Uploads(self._settings)
        try:
            medias = await uploads.store(self._subject.source, self._day.uploads)
            events = await uploads.catalog.events.last()
            with joined(LIGHT, self._environment):
                if self._kind == "fixed":
                    self._fleet.resize(self._day.most)
                    await self._fleet.settled()
                scaling = asyncio.create_task(self._scale(uploads.catalog)) if self._kind == "scaled" else None
                try:
                    at = [share * self._day.seconds for share in arrivals(len(medias))]
                    accepted = await uploads.send(medias, self._subject.source, at, self._sent)
                    played = await uploads.ended(medias, events, _GIVE_UP_S)
                finally:
                    if scaling:
                        await stop([scaling])
                    await self._fleet.close()
        finally:
            await uploads.close()
        done = self._fleet.done
        plays = [moment - accepted[media_id] for media_id, moment in played.items()]
        return Passed(
            slot_s=self._fleet.slot_s,
            moving_s=self._fleet.moving_s,
            busy_s=done.busy_s,
            encoded_s=done.encoded_s,
            redone=done.redone / max(1, done.segments),
            most=self._fleet.most,
            plays_s=plays,
        )

    def _sent(self, number: int) -> None:
        if number % 10 == 1:
            self._say(f"{self._kind}: {number} uploads, {self._fleet.size} workers")

    async def _scale(self, catalog: Catalog) -> None:
        """Look and resize, as KEDA and the autoscaler do."""
        scaler = Scaler(_SLOTS, self._day.most)
        client = await connect(self._settings.temporal)
        totals = TotalsOfAll(catalog, client, self._settings)
        while True:
            told, running = await asyncio.gather(totals.read(), self._fleet.running())
            waiting = Counter({queue: count for (queue, state), count in told.passes.items() if state == WAITING})
            passes, urgent = waiting.total() + running, waiting[FIRST] + running
            self._fleet.resize(scaler.workers(time.monotonic(), passes, urgent, self._fleet.size))
            await asyncio.sleep(LOOK_S)
