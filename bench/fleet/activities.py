"""Passes that take their time but no CPU: they wait, and store tiny segments in place of real ones."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from temporalio import activity

from bench.fleet.cores import Cores
from bench.fleet.costs import cost_s
from gilfoyle.activities.transcode import Spent, TranscodeInput, announcer, niceness, spent
from gilfoyle.media.plan import HEAD_PRIORITY, Pass
from gilfoyle.storage import Storage, Storages, keys

SEGMENT = b"\0" * 64
"""What is stored in place of a real one."""


@dataclass
class Busy:
    """What the cores did: `busy_s` is the passes' own time (seconds of the wall clock)."""

    busy_s: float = 0.0
    passes: int = 0
    segments: int = 0
    """How many were stored; one that is stored twice counts twice."""


@dataclass(frozen=True)
class Speeds:
    """What the passes' time is divided by. `early`: that of the first minute's passes, by which a workflow tells
    whether the machine encodes everything faster than it plays."""

    usual: float
    early: float

    def of(self, chunk: Pass) -> float:
        return self.early if chunk.ahead and chunk.priority == HEAD_PRIORITY else self.usual


class SimulatedPasses(ABC):
    """Registered in place of TranscodeActivities. `inits`: a real init segment of each rendition."""

    def __init__(self, storages: Storages, inits: Mapping[str, bytes]) -> None:
        self._storages, self._inits = storages, inits

    @activity.defn
    async def encode_video(self, job: TranscodeInput) -> Spent:
        """Wait as long as the pass takes on one core, divided by the speed."""
        return await self._encode(job, job.chunk.first + job.chunk.count)

    @activity.defn
    async def encode_audio(self, job: TranscodeInput) -> Spent:
        """The same for audio."""
        return await self._encode(
            job, min(job.chunk.first + job.chunk.count, job.plan.segments(job.chunk.renditions[0]))
        )

    @abstractmethod
    async def _encode(self, job: TranscodeInput, end: int) -> Spent:
        """Wait, and store the pass's segments up to `end`."""

    async def _store_inits(self, storage: Storage, job: TranscodeInput) -> None:
        if job.chunk.first == 0:
            for name in job.chunk.renditions:
                prefix = keys.rendition_prefix(job.media_id, job.encoding, name)
                await storage.write(f"{prefix}/{keys.INIT_NAME}", self._inits[name])


class SimulatedTranscode(SimulatedPasses):
    """On cores that passes share, as `nice` has them do."""

    def __init__(self, storages: Storages, cores: Cores, inits: Mapping[str, bytes], speeds: Speeds) -> None:
        super().__init__(storages, inits)
        self._cores, self._speeds = cores, speeds
        self.busy = Busy()

    async def _encode(self, job: TranscodeInput, end: int) -> Spent:
        takes = cost_s(job.plan, job.chunk, str(job.media_id)) / self._speeds.of(job.chunk)
        storage = await self._storages.of(job.storage)
        await self._run(storage, job, end, takes / max(1, end - job.chunk.first))
        self.busy.busy_s += takes
        self.busy.passes += 1
        return spent()

    async def _run(self, storage: Storage, job: TranscodeInput, end: int, segment_s: float) -> None:
        """A segment is stored while the next one is "encoded", as it is in truth. What waking up late has cost one
        segment is taken off the next: a real core does not oversleep."""
        storing = asyncio.create_task(self._store_inits(storage, job))
        nice = niceness(job.chunk, is_audio=job.plan.is_audio(job.chunk))
        announce, late = announcer(job.chunk), 0.0
        for index in range(job.chunk.first, end):
            async with self._cores.one(nice):
                due = time.monotonic() + segment_s - late
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                late = max(0.0, time.monotonic() - due)
            await storing
            storing = asyncio.create_task(self._store(storage, job, index))
            await announce(index)
        await storing

    async def _store(self, storage: Storage, job: TranscodeInput, index: int) -> None:
        for name in job.chunk.renditions:
            prefix = keys.rendition_prefix(job.media_id, job.encoding, name)
            await storage.write(f"{prefix}/{keys.segment_name(index)}", SEGMENT)
            self.busy.segments += 1
