"""`bench uploads`: the same file to the API and to nginx; memory by the size of a file; and many uploads at once."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.console import Console

from bench import server
from bench.machine import Machine
from bench.receive.api import Api, Peak, serving
from bench.receive.report import table
from bench.receive.results import Crowd, Found, Rates, Round, Took, summary
from bench.receive.sender import send, send_small
from bench.serve.load import used_s
from bench.servers.nginx import Nginx, nginx, putting
from gilfoyle.errors import GilfoyleError, InvalidRequest

Say = Callable[[str], None]

_TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
_MEMORY_MIB = (10, 100, 1024)
_SMALL_BYTES = 2 << 20


def uploads(*, size_mib: int, largest_mib: int, rounds: int, at_once: int, as_json: bool) -> None:
    """Measure, and print: a table, and with `as_json` the figures as the last line. Raises GilfoyleError."""
    if not Path("/proc/self/task").exists():
        raise InvalidRequest("The CPU time of a server is read from /proc: this needs Linux.")
    notes = Console(stderr=True)
    with server.running() as up, serving(up) as api, _folder(api) as folder, nginx(putting(folder)) as other:
        with _file(folder, size_mib) as file:
            send("PUT", api.order(), file)  # the first one of a process takes longer
            found = [_round(api, other, folder, file, number, notes.print) for number in range(rounds)]
        sizes = sorted({size for size in _MEMORY_MIB if size < largest_mib} | {largest_mib})
        memory = {size: _peak(api, folder, size, notes.print) for size in sizes}
        notes.print(f"{at_once} uploads at once …")
        crowd = asyncio.run(_crowd(api, at_once))
        result = Found(size_mib << 20, Rates.of(found, size_mib << 20), memory, crowd)
        machine = Machine.here(up.settings)
    Console().print(table(result, machine))
    if as_json:
        print(json.dumps({**summary(result), "machine": asdict(machine), "found": asdict(result)}))


def _round(api: Api, other: Nginx, folder: Path, file: Path, number: int, say: Say) -> Round:
    """One after another, so that a busy neighbour meets all."""
    say(f"round {number + 1} …")
    put = _timed(api.pid, lambda: send("PUT", api.order(), file))
    length = {"Upload-Length": str(file.stat().st_size)}
    tus = _timed(api.pid, lambda: send("PATCH", api.order(), file, {**_TUS, **length}))
    target = folder / "put.bin"
    bare = _timed(other.pid, lambda: send("PUT", f"{other.url}/{target.name}", file))
    begun = time.perf_counter()
    with target.open("rb") as written:
        os.fsync(written.fileno())
    synced = time.perf_counter() - begun
    target.unlink()
    api.clear()
    return Round(put, tus, bare, synced)


def _timed(pid: int, sending: Callable[[], float]) -> Took:
    before = used_s([pid])
    wall = sending()
    return Took(wall, used_s([pid]) - before)


def _peak(api: Api, folder: Path, size_mib: int, say: Say) -> float:
    say(f"memory with a file of {size_mib} MiB …")
    with _file(folder, size_mib) as file, Peak(api.pid) as peak:
        send("PUT", api.order(), file)
    api.clear()
    return peak.mb


async def _crowd(api: Api, count: int) -> Crowd:
    body = os.urandom(_SMALL_BYTES)
    urls = [api.order() for _ in range(count)]

    async def one(url: str) -> float | None:
        try:
            return await send_small("PUT", url, body)
        except (GilfoyleError, OSError, TimeoutError):
            return None

    begun = time.perf_counter()
    with Peak(api.pid) as peak:
        took = await asyncio.gather(*map(one, urls))
    seconds = time.perf_counter() - begun
    api.clear()
    times = sorted(each for each in took if each is not None) or [0.0]
    p99 = times[max(0, round(len(times) * 0.99) - 1)]
    return Crowd(count, took.count(None), seconds, median(times), p99, peak.mb)


@contextmanager
def _folder(api: Api) -> Iterator[Path]:
    """Where nginx writes, and what is sent lies: on the disk of the API's medias."""
    with tempfile.TemporaryDirectory(prefix="gfb-", dir=api.media.parent) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def _file(folder: Path, size_mib: int) -> Iterator[Path]:
    """A file of noise, in the memory of the system already."""
    path = folder / "file.bin"
    noise = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(size_mib):
            file.write(number.to_bytes(8, "big") + noise[8:])
        os.fsync(file.fileno())
    try:
        yield path
    finally:
        path.unlink()
