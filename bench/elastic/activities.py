"""Passes that only wait, as those of `bench fleet`, and are handed over when their worker stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from temporalio import activity

from bench.fleet.activities import SEGMENT, SimulatedPasses
from bench.fleet.costs import cost_s
from gilfoyle.activities.transcode import Spent, TranscodeInput, announcer, spent
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.storage.stored import first_missing, is_stored
from gilfoyle.temporal.handover import handed_over


@dataclass
class Done:
    """`busy_s`: how long passes held a slot; `encoded_s`: how long segments were "encoded" in it (both in seconds).

    `redone`: how many segments were there already.
    """

    busy_s: float = 0.0
    encoded_s: float = 0.0
    segments: int = 0
    redone: int = 0


class ElasticTranscode(SimulatedPasses):
    """On workers that may stop at any time."""

    def __init__(self, storages: Storages, inits: Mapping[str, bytes], speed: float) -> None:
        super().__init__(storages, inits)
        self._speed = speed
        self.done = Done()

    async def _encode(self, job: TranscodeInput, end: int) -> Spent:
        began = time.monotonic()
        try:
            await self._encode_rest(job, end)
        finally:
            self.done.busy_s += time.monotonic() - began
        return spent()

    async def _encode_rest(self, job: TranscodeInput, end: int) -> None:
        """From the first segment that is missing on; what is being made when the worker is told to stop is made.

        A segment is stored while the next one is "encoded", as it is in truth.
        """
        storage = await self._storages.of(job.storage)
        segment_s = cost_s(job.plan, job.chunk, str(job.media_id)) / self._speed / max(1, end - job.chunk.first)
        firsts = [
            await first_missing(storage, job.media_id, job.encoding, name, job.chunk.first, end)
            for name in job.chunk.renditions
        ]
        announce = announcer(job.chunk)
        storing = asyncio.create_task(self._store_inits(storage, job))
        due = time.monotonic()
        for index in range(min(firsts), end):
            if activity.is_worker_shutdown():
                await storing
                raise handed_over(f"it lacks segments from {index} on")
            due += segment_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))  # a core does not oversleep
            self.done.encoded_s += segment_s
            await storing
            storing = asyncio.create_task(self._store(storage, job, index))
            await announce(index)
        await storing

    async def _store(self, storage: Storage, job: TranscodeInput, index: int) -> None:
        for name in job.chunk.renditions:
            prefix = keys.rendition_prefix(job.media_id, job.encoding, name)
            self.done.redone += await is_stored(storage, f"{prefix}/{keys.segment_name(index)}")
            await storage.write(f"{prefix}/{keys.segment_name(index)}", SEGMENT)
            self.done.segments += 1
