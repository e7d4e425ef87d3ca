"""One film on a server with so many transcode workers, each of a single slot and thread on a core of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil

from bench import cpu, server
from bench.scale.results import Scaled
from bench.uploads import send, wait_until_ready
from bench.workers import joined
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import StartupError

_TRANSCODE = ("gilfoyle", "worker", "--queue", "transcode")
# `gilfoyle up` brings the first of the workers.
_SINGLE = {
    "GILFOYLE_WORKERS__TRANSCODE_SLOTS": "1",
    "GILFOYLE_WORKERS__FIRST_SLOTS": "1",
    "GILFOYLE_WORKERS__THREADS": "1",
}


def cores() -> list[int]:
    """Those that this process may use. Raises StartupError if there are fewer than two, or none can be chosen."""
    if not hasattr(psutil.Process, "cpu_affinity"):
        raise StartupError("This system can't tie a process to a core, so `bench scale` needs Linux.")
    found = psutil.Process().cpu_affinity() or []
    if len(found) < 2:
        raise StartupError(f"`bench scale` compares two workers with one, and this machine has {len(found)} core.")
    return sorted(found)


def run(source: Path, workers: int) -> Scaled:
    """Upload it, and measure until it is Ready. Raises GilfoyleError."""
    with server.running(_SINGLE) as up, Gilfoyle(up.url) as client, ExitStack() as stack:
        joining = [stack.enter_context(joined(_TRANSCODE, up.environment)) for _ in range(workers - 1)]
        encoding = [_own_worker(up.pid), *(psutil.Process(other.process.pid) for other in joining)]
        for process, core in zip(encoding, cores(), strict=False):
            # What it runs from now on inherits it.
            process.cpu_affinity([core])
        before, began = cpu.used(up.pid), [cpu.with_children(process) for process in encoding]
        sent = send(client, source)
        _, ready = wait_until_ready(client, sent.media_id)
        after, ended = cpu.used(up.pid), [cpu.with_children(process) for process in encoding]
    spent = [last - first for first, last in zip(began, ended, strict=True)]
    return Scaled(
        workers=workers,
        wall_s=round(ready - sent.ended, 3),
        cpu_s=[round(seconds, 2) for seconds in spent],
        servers_cpu_s=_servers(cpu.difference(before, after), spent[0]),
    )


def _servers(spent: Mapping[str, float | None], own: float) -> dict[str, float | None]:
    """All but the encoding: of the workers that `up` has, one encodes and one does the light steps."""
    workers = spent[cpu.WORKERS]
    light = None if workers is None else round(workers - own, 2)
    return {**{name: seconds for name, seconds in spent.items() if name != cpu.WORKERS}, "light worker": light}


def _own_worker(up: int) -> psutil.Process:
    """The transcode worker of a `gilfoyle up`."""
    for child in psutil.Process(up).children():
        if "transcode" in child.cmdline():
            return child
    raise StartupError("`gilfoyle up` runs no transcode worker.")
