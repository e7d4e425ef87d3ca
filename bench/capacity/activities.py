"""Passes that take their time but no CPU, and ask Temporal and the storage for what real ones do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio import activity

from bench.fleet.activities import SEGMENT, SimulatedPasses
from bench.fleet.costs import cost_s
from gilfoyle.activities.transcode import Spent, TranscodeInput, announcer, spent
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.storage.stored import first_missing, store_new
from gilfoyle.tasks import stop

# ffmpeg reports twice a second, and each report is a beat, of which Temporal gets one in some seconds. This is often
# enough for that, and costs this machine half.
_BEAT_S = 1.0


@dataclass
class Seen:
    """What a process's passes did. Times are of `time.time`."""

    began: list[tuple[float, float]] = field(default_factory=list)
    """When each began, and how long it had waited for a slot (seconds)."""
    ended: list[float] = field(default_factory=list)
    segments: list[float] = field(default_factory=list)
    """When a pass had stored a segment of all its renditions."""
    failed: list[float] = field(default_factory=list)


class BeatingTranscode(SimulatedPasses):
    """On workers of which a process has many."""

    def __init__(self, storages: Storages, inits: Mapping[str, bytes], speed: float) -> None:
        super().__init__(storages, inits)
        self._speed = speed
        self.seen = Seen()

    async def _encode(self, job: TranscodeInput, end: int) -> Spent:
        found = spent()
        self.seen.began.append((time.time(), found.waited_s))
        beating = asyncio.create_task(_beat())
        try:
            await self._segments(await self._storages.of(job.storage), job, end)
        except Exception:
            self.seen.failed.append(time.time())
            raise
        finally:
            await stop([beating])
        self.seen.ended.append(time.time())
        return found

    async def _segments(self, storage: Storage, job: TranscodeInput, end: int) -> None:
        """As a real pass: look what is missing, then store each rendition's init segment and segments where none is."""
        segment_s = cost_s(job.plan, job.chunk, str(job.media_id)) / self._speed / max(1, end - job.chunk.first)
        announce = announcer(job.chunk)
        prefixes = {name: keys.rendition_prefix(job.media_id, job.encoding, name) for name in job.chunk.renditions}
        first = job.chunk.first
        firsts = [await first_missing(storage, job.media_id, job.encoding, name, first, end) for name in prefixes]
        for index in range(min(firsts), end):
            await asyncio.sleep(segment_s)
            for name, prefix in prefixes.items():
                if index == min(firsts):
                    await store_new(storage, f"{prefix}/{keys.INIT_NAME}", self._inits[name])
                await store_new(storage, f"{prefix}/{keys.segment_name(index)}", SEGMENT)
            self.seen.segments.append(time.time())
            await announce(index)


async def _beat() -> None:
    """As ffmpeg's reports do."""
    while True:
        activity.heartbeat({"frame": "1", "speed": "1x"})
        await asyncio.sleep(_BEAT_S)
