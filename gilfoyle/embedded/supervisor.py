"""Keeps the children of `gilfoyle up`: starts them, restarts those that die, stops them in order."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gilfoyle.embedded import leftovers, orphans
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.process import Child, ChildSpec
from gilfoyle.errors import StartupError


@dataclass(frozen=True)
class RestartPolicy:
    """When a dead child is tried again, and when no more. All in seconds but `deaths`."""

    first_s: float = 0.5
    most_s: float = 10.0
    deaths: int = 5
    window_s: float = 60.0
    """So many deaths of one child within this time end everything."""


class Supervisor:
    """Call `start` for each child, then `failed`; always `stop` at the end.

    `say` shows a sentence to the user. `hurry`, once set, makes `stop` impatient. With `adopting`, this process
    is the parent of orphaned grandchildren (orphans.adopt was called) and ends them.
    """

    def __init__(
        self,
        folder: DataFolder,
        say: Callable[[str], None],
        hurry: asyncio.Event,
        *,
        restarts: RestartPolicy = RestartPolicy(),
        adopting: bool = False,
    ) -> None:
        self._folder, self._say, self._hurry = folder, say, hurry
        self._restarts, self._adopting = restarts, adopting
        self._children: list[Child] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._spawning = asyncio.Lock()
        self._failure: asyncio.Queue[StartupError] = asyncio.Queue()
        # Nothing is ever written; a child that reads the end of file knows that this process is gone.
        self._lifeline, self._lifeline_end = os.pipe()

    async def start(self, spec: ChildSpec) -> None:
        """Start a child; return once it is ready. From then on it is kept. Raises StartupError if it never is."""
        child = Child(spec, self._folder.logs, self._lifeline)
        self._children.append(child)
        await self._spawn(child)
        await child.wait_ready()
        self._keepers.append(asyncio.create_task(self._keep(child)))

    async def failed(self) -> StartupError:
        """Wait until a child can't be kept, which may be for ever; returns the sentence that says why."""
        return await self._failure.get()

    async def stop(self) -> None:
        """End every child and what is left of its process group: the highest stage first."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for stage in sorted({child.spec.stage for child in self._children}, reverse=True):
            await asyncio.gather(*(c.stop(self._hurry) for c in self._children if c.spec.stage == stage))
        if self._adopting:
            await asyncio.to_thread(orphans.sweep, ())
        os.close(self._lifeline)
        os.close(self._lifeline_end)
        self._folder.run.unlink(missing_ok=True)

    async def _spawn(self, child: Child) -> None:
        async with self._spawning:
            await child.start()
            traces = (leftovers.Trace.of(c.spec.name, c.pid, c.spec.stop_signals[0]) for c in self._children if c.pid)
            leftovers.record(self._folder.run, [trace for trace in traces if trace])

    async def _keep(self, child: Child) -> None:
        """Restart the child whenever it dies, later and later; report a failure when it dies too often."""
        policy = self._restarts
        deaths: deque[float] = deque(maxlen=policy.deaths)
        pause = policy.first_s
        while True:
            began = time.monotonic()
            await child.wait()
            deaths.append(time.monotonic())
            obituary = child.obituary()
            if len(deaths) == policy.deaths and deaths[-1] - deaths[0] <= policy.window_s:
                self._failure.put_nowait(StartupError(f"{obituary} It died {policy.deaths} times in short order."))
                return
            if deaths[-1] - began > policy.window_s:
                pause = policy.first_s
            self._say(f"{obituary} It is started again in {pause:g} s.")
            await self._bury(child)
            await asyncio.sleep(pause)
            pause = min(2 * pause, policy.most_s)
            try:
                await self._spawn(child)
            except StartupError as error:
                self._failure.put_nowait(error)
                return

    async def _bury(self, child: Child) -> None:
        """End what a dead child left behind."""
        await child.stop(self._hurry)
        if self._adopting:
            async with self._spawning:
                await asyncio.to_thread(orphans.sweep, {c.pid for c in self._children if c.pid})
