"""One run: upload through nginx while containers are taken away, then look at each media."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from chaos import sources
from chaos.client import Client, connected
from chaos.faults import STORE, Fault, faults
from chaos.judging import Judging
from chaos.report import Report
from chaos.stack.containers import WAYS, Container, Containers
from chaos.uploading import Uploading
from gilfoyle.config import ToolSettings
from gilfoyle.errors import GilfoyleError
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.tasks import stop

SERVICES = {
    "transcode worker": "transcode",
    "io worker": "io",
    "pipeline worker": "pipeline",
    "API": "api",
    "Temporal": "temporal",
    "PostgreSQL": "postgres",
    STORE: "seaweedfs",
}
"""The service of compose.yaml for each kind of part."""


@dataclass(frozen=True)
class Options:
    """`url`: of nginx; `key`: with which medias may be made."""

    minutes: float
    seed: int
    url: str
    key: str
    project: str


async def run(options: Options, say: Callable[[str], None]) -> Report:
    """The report. Raises GilfoyleError if it can't begin."""
    containers = Containers(options.project)
    there = {each.service for each in await containers.all()}
    kinds = [kind for kind, service in SERVICES.items() if service in there]
    files = await asyncio.to_thread(sources.make, sources.CACHE, ffmpeg_path(ToolSettings()), say)
    report = Report(options.minutes, options.seed, f"stack {options.project}", inside=False)
    rng = random.Random(options.seed)
    dice = [random.Random(rng.random()) for _ in range(3)]
    client = Client(options.url, dice[0], say, options.key)
    uploading = Uploading(client, options.url, files, dice[1], say, options.key)
    judging = Judging(connected(options.url, options.key, timeout_s=60), report, client.created, say)
    trouble = Trouble(containers, kinds, dice[2], say)
    try:
        began = asyncio.get_running_loop().time()
        tasks = [asyncio.create_task(uploading.run()), asyncio.create_task(trouble.run())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=options.minutes * 60, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await stop(tasks)
        await trouble.end()
        ran_s = asyncio.get_running_loop().time() - began
        say("no more faults; waiting until all is done")
        if ill := await containers.settled({*SERVICES.values(), "nginx"} & there):
            report.stuck.append(f"not well again: {', '.join(ill)}")
        await uploading.finish()
        await judging.settle(ran_s)
        say("looking at what there is")
        await judging.judge(uploading.accepted)
    except GilfoyleError as error:
        report.unforeseen.append(f"the run ended early: {error}")
    finally:
        await judging.close()
        await uploading.close()
        await client.close()
        report.faults.update(trouble.count)
        report.refusals = client.refusals
    return report


class Trouble:
    """One container after another is taken away; `how` counts the ways."""

    def __init__(
        self, containers: Containers, kinds: list[str], rng: random.Random, say: Callable[[str], None]
    ) -> None:
        self._containers, self._kinds, self._rng, self._say = containers, kinds, rng, say
        self._tasks: set[asyncio.Task[None]] = set()
        self.count: Counter[str] = Counter()
        """How often a container of each kind was taken away, and in which way."""

    async def run(self) -> None:
        """Until cancelled; what lasts goes on meanwhile."""
        for fault in faults(self._rng, self._kinds):
            await asyncio.sleep(fault.wait_s)
            how = self._rng.choice(WAYS)
            if container := await self._one_of(fault):
                self.count.update([fault.kind, how])
                self._say(f"× {container.name}: {how}, for {fault.lasts_s:.1f} s")
                task = asyncio.create_task(self._containers.take_away(container, how, fault.lasts_s))
                self._tasks.add(task)
                task.add_done_callback(self._ended)

    async def end(self) -> None:
        """Returns once all are started again."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _one_of(self, fault: Fault) -> Container | None:
        """One that runs, of the kind."""
        there = [each for each in await self._containers.all() if each.service == SERVICES[fault.kind] and each.pid]
        return there[int(fault.pick * len(there))] if there else None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._say(f"! {error}")
