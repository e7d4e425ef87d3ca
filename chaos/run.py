"""One run: start everything, let things go wrong for a while, make all well again, and look."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from temporalio.service import RPCError

from chaos import histories, leftovers, sources
from chaos.client import Client
from chaos.faults import POWER_CUT
from chaos.inspection import Inspection
from chaos.installation import Installation
from chaos.log import Log
from chaos.part import Part
from chaos.report import Report
from chaos.trouble import Trouble
from chaos.uploading import Uploading
from gilfoyle.config import ToolSettings
from gilfoyle.errors import GilfoyleError, StartupError
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.tasks import stop
from gilfoyle.temporal.connect import connect

_LEFTOVERS_S = 10.0


@dataclass(frozen=True)
class Options:
    """What was asked for. `quiet`: say nothing on stderr."""

    minutes: float
    seed: int
    storage: str
    quiet: bool = False


async def run(options: Options) -> tuple[Report, Path | None]:
    """The report, and the folder of the logs if it is kept: when something is wrong. Raises StartupError.

    However it ends, no process of it is left.
    """
    folder = Path(tempfile.mkdtemp(prefix="gfx-"))
    # PostgreSQL has an account of its own when root runs this, and must reach its folder.
    folder.chmod(0o755)
    name = uuid4().hex
    log = Log(folder / "chaos.log", quiet=options.quiet)
    files = await asyncio.to_thread(sources.make, sources.CACHE, ffmpeg_path(ToolSettings()), log)
    installation = Installation(name, folder, options.storage, log)
    keeper = leftovers.keeper(name, folder, installation.disk.path)
    report = Report(options.minutes, options.seed, options.storage)
    keep = True
    try:
        await _start(installation, folder)
        log("everything is up")
        await _Run(options, installation, files, report, log).run()
        keep = not report.good
    except asyncio.CancelledError:
        keep = False  # nobody asks for the logs of a run that was ended
        raise
    finally:
        try:
            await asyncio.shield(installation.stop())
        finally:
            await asyncio.to_thread(leftovers.end, name, folder)
            keeper.kill()
            keeper.wait()
            log.close()
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
    return report, folder if keep else None


async def _start(installation: Installation, folder: Path) -> None:
    try:
        await installation.start()
    except StartupError as error:
        raise StartupError(f"{error.message} The logs are in {folder}.") from error


class _Run:
    def __init__(
        self,
        options: Options,
        installation: Installation,
        files: dict[sources.Source, Path],
        report: Report,
        log: Callable[[str], None],
    ) -> None:
        self._options, self._installation, self._report, self._log = options, installation, report, log
        rng = random.Random(options.seed)
        # One for each, so that what one draws does not change what the other gets.
        dice = [random.Random(rng.random()) for _ in range(3)]
        self._client = Client(installation.api, dice[0], log)
        self._uploading = Uploading(self._client, installation.api_itself, files, dice[1], log)
        self._trouble = Trouble(installation, dice[2], log, self._note_kill)

    async def run(self) -> None:
        """Fills the report."""
        report, log = self._report, self._log
        report.disk_full = self._installation.disk.why_not and f"not possible here: {self._installation.disk.why_not}"
        inspection = Inspection(self._installation, report, self._client.created, log)
        try:
            began = time.monotonic()
            await self._wreak()
            calm = time.monotonic()
            log("no more faults; waiting until all is done")
            await self._uploading.finish()
            await inspection.settle(calm - began)
            settled = time.monotonic()
            log("looking at what there is")
            await inspection.judge(self._uploading.accepted)
            await inspection.sweep(time.monotonic() - settled)
            await inspection.find_orphans()
            await inspection.ask_temporal(self._trouble.stopped, rewound=bool(self._trouble.count[POWER_CUT]))
            await self._look_for_leftovers()
        except (GilfoyleError, RPCError) as error:
            # A part that does not come up again, or does not answer, with nothing in its way: as bad as what it hides.
            report.unforeseen.append(f"the run ended early: {error}")
        finally:
            await inspection.close()
            await self._uploading.close()
            await self._client.close()
            report.faults.update(self._trouble.count)
            report.refusals = self._client.refusals
            report.deaths = [death for part in self._installation.parts for death in part.deaths]

    async def _wreak(self) -> None:
        """Uploads and faults, for as long as was asked; then everything is up again."""
        tasks = [asyncio.create_task(self._uploading.run()), asyncio.create_task(self._trouble.run())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._options.minutes * 60, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await stop(tasks)
        await self._trouble.end()

    async def _note_kill(self, part: Part, pid: int) -> None:
        """Of a transcode worker: what was it at work on?"""
        if part.kind != "transcode worker":
            return
        settings = self._installation.settings().temporal
        client = await connect(settings.model_copy(update={"address": self._installation.temporal_address}), lazy=True)
        passes = await histories.interrupted(client, pid)
        if passes is not None:
            self._report.redone.append(Counter(each.queue for each in passes))
        for what in ["nobody knows what"] if passes is None else [each.what for each in passes]:
            self._log(f"  {part.name} ({pid}) was at work on {what}")

    async def _look_for_leftovers(self) -> None:
        """When all of Gilfoyle has stopped in order, none of its ffmpegs may live."""
        await self._installation.stop_gilfoyle()
        until = time.monotonic() + _LEFTOVERS_S
        while (alive := self._installation.strangers()) and time.monotonic() < until:
            await asyncio.sleep(0.5)
        self._report.leftovers += alive
