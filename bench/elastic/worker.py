"""A worker of the elastic fleet: `python -m bench.elastic.worker SLOTS SPEED INITS [ACCOUNT]`.

Its metrics are those of any worker, and with the folder of a pod's service account it tells its deletion cost as any.
On SIGTERM it hands over what it does, and ends with what it did as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from bench.elastic.activities import ElasticTranscode
from gilfoyle.catalog import Catalog, Database
from gilfoyle.config import Settings, load
from gilfoyle.lifeline import ready
from gilfoyle.pod import ACCOUNT, Pod, keep_pod_cost
from gilfoyle.storage import Storages
from gilfoyle.tasks import stop
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.telemetry import exported
from gilfoyle.workers import Parts, encoding_workers

_GRACE_S = 20.0


def arguments(slots: int, speed: float, inits: Path, account: Path | None = None) -> list[str]:
    """With which `python -m` runs it. `account`: see gilfoyle.pod.ACCOUNT."""
    return ["bench.elastic.worker", str(slots), str(speed), str(inits), *([str(account)] if account else [])]


async def serve(slots: int, speed: float, inits: Path, account: Path = ACCOUNT) -> None:
    """Work until SIGTERM, on `slots` long passes and as many short ones."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = _with(load(), slots)
    storages = Storages(settings.storage)
    simulated = ElasticTranscode(storages, {file.stem: file.read_bytes() for file in inits.glob("*.mp4")}, speed)
    # Passes need no catalog: it never connects.
    catalog = Catalog(Database(settings.database.url))
    parts = Parts(settings, await connect(settings.temporal), storages, catalog)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stop, [asyncio.create_task(keep_pod_cost(Pod.found(account)))])
        workers = encoding_workers(parts, [simulated.encode_video, simulated.encode_audio])
        for worker in workers:
            await stack.enter_async_context(worker)
        ready()
        await stopped.wait()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
    await storages.close()
    print(json.dumps(asdict(simulated.done)), flush=True)


def _with(settings: Settings, slots: int) -> Settings:
    """As many short passes as long ones, and time to end them."""
    own = {"transcode_slots": slots, "first_slots": slots, "grace_s": _GRACE_S}
    return settings.model_copy(update={"workers": settings.workers.model_copy(update=own)})


def main() -> None:
    with exported(load().metrics, "worker"):
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), *map(Path, sys.argv[3:])))


if __name__ == "__main__":
    main()
