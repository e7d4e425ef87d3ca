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
from datetime import timedelta
from pathlib import Path

from temporalio.worker import Worker

from bench.elastic.activities import Done, ElasticTranscode
from bench.workers import Joined
from gilfoyle.config import load
from gilfoyle.errors import EncodeFailed
from gilfoyle.lifeline import ready
from gilfoyle.pod import ACCOUNT, Pod, keep_pod_cost
from gilfoyle.storage import Storages
from gilfoyle.tasks import stop
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.heartbeat import Heartbeat
from gilfoyle.temporal.measure import MeasurePasses
from gilfoyle.temporal.routes import FIRST, TRANSCODE, queue_name
from gilfoyle.temporal.telemetry import exported
from gilfoyle.temporal.translate import TranslateErrors

_GRACE = timedelta(seconds=20)


def arguments(slots: int, speed: float, inits: Path, account: Path | None = None) -> list[str]:
    """With which `python -m` runs it. `account`: see gilfoyle.pod.ACCOUNT."""
    return ["bench.elastic.worker", str(slots), str(speed), str(inits), *([str(account)] if account else [])]


def done_by(worker: Joined) -> Done:
    """What one did that has ended. Raises EncodeFailed if it does not say so: it was killed, or broke."""
    try:
        return Done(**json.loads(worker.said))
    except ValueError as error:
        last = worker.complained.strip().splitlines()[-1:] or ["It said nothing."]
        raise EncodeFailed(f"A worker of the fleet died ({worker.process.returncode}): {last[0]}") from error


async def serve(slots: int, speed: float, inits: Path, account: Path = ACCOUNT) -> None:
    """Work until SIGTERM, on `slots` long passes and as many short ones."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = load()
    storages = Storages(settings.storage)
    simulated = ElasticTranscode(storages, {file.stem: file.read_bytes() for file in inits.glob("*.mp4")}, speed)
    client = await connect(settings.temporal)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stop, [asyncio.create_task(keep_pod_cost(Pod.found(account)))])
        workers = [
            Worker(
                client,
                task_queue=queue_name(settings.temporal.queue_prefix, queue),
                activities=[simulated.encode_video, simulated.encode_audio],
                interceptors=[MeasurePasses(queue), TranslateErrors(), Heartbeat()],
                max_concurrent_activities=slots,
                graceful_shutdown_timeout=_GRACE,
            )
            for queue in (TRANSCODE, FIRST)
        ]
        for worker in workers:
            await stack.enter_async_context(worker)
        ready()
        await stopped.wait()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
    await storages.close()
    print(json.dumps(asdict(simulated.done)), flush=True)


def main() -> None:
    with exported(load().metrics, "worker"):
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), *map(Path, sys.argv[3:])))


if __name__ == "__main__":
    main()
