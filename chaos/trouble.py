"""Making the faults happen, and everything well again at the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from chaos import memory, operating
from chaos.disk import Disk
from chaos.faults import AWAY, CUT, DISK_FULL, KILLS, OPERATOR, POWER_CUT, STORE, Fault, faults
from chaos.installation import Installation
from chaos.part import Part
from gilfoyle.tasks import stop

# What is down is not killed again: it is waited for.
_READY_S = 90.0


class Trouble:
    """`killed` is awaited with each part that was killed, and the process id that it had."""

    def __init__(
        self,
        installation: Installation,
        rng: random.Random,
        say: Callable[[str], None],
        killed: Callable[[Part, int], Awaitable[None]],
    ) -> None:
        self._installation, self._rng, self._say, self._killed = installation, rng, say, killed
        self._tasks: set[asyncio.Task[None]] = set()
        self._full = asyncio.Lock()
        self.count: Counter[str] = Counter()
        """How often each kind of fault has been."""
        self.stopped: set[str] = set()
        """Ids of the workflows that were stopped by hand."""

    @property
    def kinds(self) -> list[str]:
        """The faults that are possible here."""
        parts = {part.kind for part in self._installation.parts}
        kills = [kind for kind in KILLS if kind in parts]
        return [*kills, CUT, AWAY, POWER_CUT, OPERATOR, *([] if self._disk.why_not else [DISK_FULL])]

    async def run(self) -> None:
        """One after another, until cancelled; what lasts goes on meanwhile."""
        for fault in faults(self._rng, self.kinds):
            await asyncio.sleep(fault.wait_s)
            await self._begin(fault)

    async def end(self) -> None:
        """No fault any more; returns once every part does its work. Raises StartupError.

        SeaweedFS whose disk was full refuses some writes until it is started again (docs/decisions/0028), which is for
        its operator to do.
        """
        await stop(list(self._tasks))
        self._disk.free()
        for relay in self._installation.relays.values():
            relay.refuse(False)
        if self.count[DISK_FULL]:
            await asyncio.gather(*(part.kill() for part in self._installation.parts if part.kind == STORE))
        await asyncio.gather(*(part.start() for part in self._installation.parts))

    @property
    def _disk(self) -> Disk:
        return self._installation.disk

    async def _begin(self, fault: Fault) -> None:
        if fault.kind == CUT:
            self._go(self._cut(fault))
        elif fault.kind == DISK_FULL:
            self._go(self._fill(fault))
        elif fault.kind == OPERATOR:
            self._go(self._stop_a_workflow(fault))
        elif fault.kind == POWER_CUT:
            await self._forget(fault)
        elif part := await self._one_of(fault):
            self.count[fault.kind] += 1
            self._say(f"× {part.name} is killed, for {fault.lasts_s:.1f} s")
            pid = await part.kill()
            self._go(self._killed(part, pid))
            self._go(self._again(part, fault.lasts_s))

    async def _one_of(self, fault: Fault) -> Part | None:
        """A part of the kind that does its work; None if that takes too long."""
        kind = "Temporal" if fault.kind in (AWAY, POWER_CUT) else fault.kind
        parts = [part for part in self._installation.parts if part.kind == kind]
        for _ in range(int(_READY_S * 10)):
            if ready := [part for part in parts if part.ready]:
                return ready[int(fault.pick * len(ready))]
            await asyncio.sleep(0.1)
        self._say(f"! no {fault.kind} is ready to be killed")
        return None

    async def _again(self, part: Part, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if part.kind == STORE:  # it can't start on a full disk, and would tell us nothing of Gilfoyle
            async with self._full:
                await part.start()
        else:
            await part.start()

    async def _cut(self, fault: Fault) -> None:
        relays = list(self._installation.relays.values())
        relays = [relay for relay in relays if relay.connections] or relays
        relay = relays[int(fault.pick * len(relays))]
        self.count[fault.kind] += 1
        refused_s = fault.lasts_s if fault.lasts_s > 4 else 0.0
        self._say(f"× {relay.cut()} connections to {relay.name} are cut, and new ones for {refused_s:.1f} s")
        relay.refuse(bool(refused_s))
        try:
            await asyncio.sleep(refused_s)
        finally:
            relay.refuse(False)

    async def _fill(self, fault: Fault) -> None:
        async with self._full:
            self.count[fault.kind] += 1
            self._say(f"× the disk is full, for {fault.lasts_s:.1f} s")
            try:
                await asyncio.to_thread(self._disk.fill)
                await asyncio.sleep(fault.lasts_s)
            finally:
                self._disk.free()

    async def _forget(self, fault: Fault) -> None:
        """Temporal is killed, and has lost its last seconds. Nothing else goes wrong meanwhile."""
        if not (part := await self._one_of(fault)):
            return
        database = self._installation.temporal_database
        copy = await asyncio.to_thread(memory.copy, database)
        await asyncio.sleep(fault.lasts_s)
        await part.kill()
        await asyncio.to_thread(memory.put_back, copy, database)
        self.count[fault.kind] += 1
        self._say(f"× {part.name} is killed, and has lost its last {fault.lasts_s:.1f} s")
        await part.start()

    async def _stop_a_workflow(self, fault: Fault) -> None:
        how = self._rng.choice(operating.WAYS)
        stopped = await operating.stop(self._installation.temporal_address, how, fault.pick)
        if stopped:
            self.stopped.add(stopped)
            self.count[fault.kind] += 1
            self._say(f"× {stopped} is {how} by hand")

    def _go(self, doing: Awaitable[None]) -> None:
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._say(f"! {type(error).__name__}: {error}")
