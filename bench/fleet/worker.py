"""A fleet in one process, of slots that only wait: `python -m bench.fleet.worker SLOTS SPEED EARLY_SPEED INITS`.

On SIGTERM it ends with what its slots did, as a line of JSON. Its settings are those of any worker.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from bench.fleet.activities import SimulatedTranscode, Speeds
from bench.fleet.cores import Cores
from gilfoyle.config import Settings, load
from gilfoyle.lifeline import ready
from gilfoyle.storage import Storages
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.heartbeat import Heartbeat
from gilfoyle.temporal.routes import FIRST, TRANSCODE, queue_name
from gilfoyle.temporal.translate import TranslateErrors

# A fleet has as many processes that ask for work as machines; one process with the SDK's five would be the bottleneck.
_POLLERS = 20


def arguments(slots: int, speeds: Speeds, inits: Path) -> list[str]:
    """With which `python -m` runs it, see `serve`."""
    return ["bench.fleet.worker", str(slots), str(speeds.usual), str(speeds.early), str(inits)]


async def serve(slots: int, speeds: Speeds, inits: Path) -> None:
    """Work until SIGTERM. `inits`: a folder with `{rendition}.mp4`, a real init segment of each.

    `slots` long passes at a time and beside them short ones, as `workers.first_slots` says, on `slots` cores.
    """
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = load()
    storages = Storages(settings.storage)
    real = {file.stem: file.read_bytes() for file in inits.glob("*.mp4")}
    simulated = SimulatedTranscode(storages, Cores(slots), real, speeds)
    client = await connect(settings.temporal)
    async with AsyncExitStack() as stack:
        for queue, number in ((TRANSCODE, slots), (FIRST, slots * settings.workers.first_slots)):
            await stack.enter_async_context(_worker(client, settings, simulated, queue, number))
        ready()
        await stopped.wait()
    await storages.close()
    print(json.dumps(asdict(simulated.busy)), flush=True)


def _worker(client: Client, settings: Settings, simulated: SimulatedTranscode, queue: str, slots: int) -> Worker:
    return Worker(
        client,
        task_queue=queue_name(settings.temporal.queue_prefix, queue),
        activities=[simulated.encode_video, simulated.encode_audio],
        interceptors=[TranslateErrors(), Heartbeat()],
        max_concurrent_activities=slots,
        max_concurrent_activity_task_polls=min(slots, _POLLERS),
        graceful_shutdown_timeout=timedelta(seconds=1),
    )


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Speeds(float(sys.argv[2]), float(sys.argv[3])), Path(sys.argv[4])))
