"""Many workers that encode, in one process: `python -m bench.capacity.host WORKERS SPEED INITS`.

Each has a connection to Temporal and an identity of its own, and the queues, slots and settings of a real one: what
Temporal sees are so many processes. On SIGTERM it ends with what the passes did, as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from temporalio.worker import Worker

from bench.capacity.activities import BeatingTranscode
from gilfoyle.catalog import Catalog, Database
from gilfoyle.config import load
from gilfoyle.lifeline import ready
from gilfoyle.metrics.instruments import introduce
from gilfoyle.metrics.server import MetricsServer
from gilfoyle.storage import Storages
from gilfoyle.temporal.connect import connect
from gilfoyle.workers import Parts, encoding_workers, verify_worker


def arguments(workers: int, speed: float, inits: Path) -> list[str]:
    """With which `python -m` runs it."""
    return ["bench.capacity.host", str(workers), str(speed), str(inits)]


async def serve(number: int, speed: float, inits: Path) -> None:
    """Work until SIGTERM. `inits`: a folder with `{rendition}.mp4`, a real init segment of each."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = load()
    storages, database = Storages(settings.storage), Database(settings.database.url)
    await storages.open()
    simulated = BeatingTranscode(storages, {file.stem: file.read_bytes() for file in inits.glob("*.mp4")}, speed)
    workers: list[Worker] = []
    for each in range(number):
        client = await connect(settings.temporal, identity=f"{os.getpid()}-{each}@{socket.gethostname()}")
        parts = Parts(settings, client, storages, Catalog(database))
        passes = [simulated.encode_video, simulated.encode_audio]
        workers += [*encoding_workers(parts, passes), verify_worker(parts)]
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        ready()
        await stopped.wait()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
    await storages.close()
    await database.close()
    print(json.dumps(asdict(simulated.seen)), flush=True)


def main() -> None:
    # The SDK's own metrics are left out: they would be those of all these workers, at each look.
    introduce("worker")
    settings = load().metrics
    with MetricsServer(settings.host, settings.port):
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))


if __name__ == "__main__":
    main()
