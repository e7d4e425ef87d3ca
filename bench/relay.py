"""`bench relay`: what it costs that the worker reads a source in S3 for ffmpeg, against ffmpeg reading it by itself."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields

from rich.console import Console

from bench.machine import Machine
from bench.source import CACHE, make
from bench.storage.subjects import subjects
from bench.tables import figures
from gilfoyle.config import Settings, StorageSettings, ToolSettings
from gilfoyle.errors import StartupError
from gilfoyle.ffmpeg.process import capture
from gilfoyle.ffmpeg.source import Source, opened
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.media.reading import reading_options
from gilfoyle.storage import keys
from gilfoyle.storage.s3.backend import S3Storage

ENCODE_AIM = 1.05
"""The most that encoding one rung may cost, as a multiple of what it costs without the relay."""
_FILM_S = 60
_KEY = keys.source("00000000-0000-0000-0000-000000000000")
_URL_S = 3600
_READ = ("-map", "0:v", "-c", "copy", "-f", "null", "-")
_ENCODE = (
    "-map",
    "0:v",
    "-t",
    "20",
    "-vf",
    "scale=-2:720",
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-f",
    "null",
    "-",
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """Processor time of the process that reads for ffmpeg and of ffmpeg itself, and how long it took, in seconds."""

    worker_s: float
    ffmpeg_s: float
    wall_s: float

    @property
    def cpu_s(self) -> float:
        return self.worker_s + self.ffmpeg_s


@dataclass
class Found:
    """Runs of each kind, ours and the other one's, in pairs."""

    read: list[tuple[Run, Run]]
    encode: list[tuple[Run, Run]]
    megabytes: float

    def summary(self) -> dict[str, float]:
        """The figures, as medians."""
        middle = statistics.median
        return {
            "encode_cpu_ratio": round(middle(ours.cpu_s / bare.cpu_s for ours, bare in self.encode), 3),
            "worker_ms_per_mb": round(middle(ours.worker_s for ours, _ in self.read) * 1000 / self.megabytes, 2),
            "mb_per_s": round(self.megabytes / middle(ours.wall_s for ours, _ in self.read)),
            "bare_mb_per_s": round(self.megabytes / middle(bare.wall_s for _, bare in self.read)),
        }


def relay(*, runs: int, as_json: bool) -> None:
    """Measure and print. Raises GilfoyleError."""
    console, machine = Console(stderr=True), Machine.here(Settings())
    (subject,) = [each for each in subjects() if each.name == "s3"]
    if subject.missing:
        raise StartupError(f"There is {subject.missing}.")
    with subject.start() as settings:
        found = asyncio.run(_measured(settings, runs, console.print))
    total = found.summary()
    rows = [
        [
            "encode a rung, CPU",
            *_medians(found.encode, "cpu_s"),
            f"{total['encode_cpu_ratio']:.3f}",
            f"≤ {ENCODE_AIM:g}",
        ],
        ["read all, wall", *_medians(found.read, "wall_s"), "", ""],
        ["of the worker, per MB", f"{total['worker_ms_per_mb']:.2f} ms", "", "", ""],
        ["MB/s for one reader", f"{total['mb_per_s']}", f"{total['bare_mb_per_s']}", "", ""],
    ]
    Console().print(figures("a source in S3", ("by the relay", "by itself", "ratio", "aim"), rows, str(machine)))
    if as_json:
        raw = {
            each.name: [[asdict(run) for run in pair] for pair in getattr(found, each.name)]
            for each in fields(found)[:2]
        }
        print(json.dumps({**total, "machine": asdict(machine), "found": raw}))


async def _measured(settings: StorageSettings, runs: int, say: Say) -> Found:
    ffmpeg = ffmpeg_path(ToolSettings())
    film = make(CACHE, _FILM_S, ffmpeg, say)
    storage = S3Storage(settings.s3)
    try:
        await storage.write(_KEY, film.read_bytes())
        found = Found([], [], film.stat().st_size / 1e6)
        for number in range(1, runs + 1):
            say(f"pair {number} of {runs} …")
            for what, pairs in ((_READ, found.read), (_ENCODE, found.encode)):
                pairs.append(
                    (await _run(ffmpeg, opened(storage, _KEY), what), await _run(ffmpeg, _signed(storage), what))
                )
        return found
    finally:
        await storage.close()


@asynccontextmanager
async def _signed(storage: S3Storage) -> AsyncIterator[Source]:
    """As ffmpeg read it before there was a relay: by a presigned URL."""
    where = {"Bucket": storage._settings.bucket, "Key": storage._name(_KEY)}
    yield Source(storage._client.generate_presigned_url("get_object", where, _URL_S))


async def _run(ffmpeg: str, opening: object, what: Sequence[str]) -> Run:
    own, children = _spent(resource.RUSAGE_SELF), _spent(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    async with opening as source:  # type: ignore[attr-defined]
        reading = reading_options(source.place) if source.port else []
        command = [ffmpeg, "-v", "error", "-nostdin", *reading, "-i", source.place, *what]
        if source.port:
            await capture(command, timeout_s=600, memory_mb=8192, source=source)
        else:
            bare = await asyncio.create_subprocess_exec(*command)
            if await bare.wait():
                raise StartupError("ffmpeg could not read the source by itself.")
    wall = time.perf_counter() - began
    return Run(_spent(resource.RUSAGE_SELF) - own, _spent(resource.RUSAGE_CHILDREN) - children, wall)


def _spent(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _medians(pairs: Sequence[tuple[Run, Run]], name: str) -> tuple[str, str]:
    ours, bare = (statistics.median(getattr(pair[side], name) for pair in pairs) for side in (0, 1))
    return f"{ours:.2f} s", f"{bare:.2f} s"
