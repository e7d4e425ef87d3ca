"""The steps that move a large object: as a source does, by a stream and in ranges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from gilfoyle.errors import GilfoyleError
from gilfoyle.storage.base import CHUNK_BYTES
from gilfoyle.storage.check.objects import compare
from gilfoyle.storage.check.results import CheckFailed, Warn
from gilfoyle.storage.check.trial import Trial

_APPEARS_S = 1.0
"""How long the large write waits to be seen among the unfinished ones."""
_LIFECYCLE = (
    "What a process that died leaves of an upload can't be swept, and may be paid for: set a lifecycle rule on the"
    " bucket that aborts incomplete multipart uploads after a few days."
)


async def write_large(trial: Trial) -> str:
    """Write a large object from a stream. It pauses before its last piece, to be seen among the unfinished writes."""
    sample, paused = trial.sample, 0.0

    async def data() -> AsyncIterator[bytes]:
        nonlocal paused
        pieces = sample.pieces()
        for piece in pieces[:-1]:
            yield sample.cut(*piece)
        pause = time.perf_counter()
        await _watch_unfinished(trial)
        paused = time.perf_counter() - pause
        yield sample.cut(*pieces[-1])

    begun = time.perf_counter()
    info = await trial.storage.write(trial.source, data())
    took = time.perf_counter() - begun - paused
    if info.size != sample.size:
        raise CheckFailed(f"{sample.size} bytes were written, and {info.size} are said to be there.")
    return _rate(sample.size, took)


async def read_large(trial: Trial) -> str:
    """Read all of the large object."""
    sample, position, begun = trial.sample, 0, time.perf_counter()
    async for piece in trial.storage.stream(trial.source):
        compare(piece, sample.cut(position, position + len(piece)), f"The large object, at byte {position},")
        position += len(piece)
    if position != sample.size:
        raise CheckFailed(f"Of the large object's {sample.size} bytes, {position} can be read.")
    return _rate(position, time.perf_counter() - begun)


async def read_ranges(trial: Trial) -> str:
    """Read parts of the large object: its ends, across the multipart parts, and past the end."""
    size = trial.sample.size
    part = size - CHUNK_BYTES
    ranges = [(0, 1), (10, 100_010), (part - 5, part + 5), (size // 2, size // 2 + CHUNK_BYTES + 7), (size - 1, size)]
    for start, end in [*ranges, (size - 10, size + 10)]:
        found = b"".join([piece async for piece in trial.storage.stream(trial.source, start, end)])
        compare(found, trial.sample.cut(start, end), f"Bytes {start} to {min(end, size) - 1} of the large object")
    return f"{len(ranges) + 1} ranges"


async def list_unfinished(trial: Trial) -> str:
    """The large write was listed while it was under way, and is no longer."""
    if trial.unfinished_fault is not None:
        raise Warn(f"{trial.unfinished_fault.message} {_LIFECYCLE if trial.driver == 's3' else ''}".strip())
    if not trial.half_written:
        if trial.driver == "s3":
            raise Warn(f"The service does not list uploads that are under way. {_LIFECYCLE}")
        return "nothing is kept of them"
    ours = {write.id for write in trial.half_written if write.key}
    if any([write.id in ours async for write in trial.storage.unfinished()]):
        raise Warn(f"An upload that has ended is still listed as unfinished. {_LIFECYCLE}")
    return ""


async def _watch_unfinished(trial: Trial) -> None:
    """Wait for the write that is under way to be listed, for a while."""
    deadline = time.monotonic() + _APPEARS_S
    try:
        while True:
            async for write in trial.storage.unfinished():
                if write.key == trial.source or not write.key:
                    trial.half_written.append(write)
            if trial.half_written or time.monotonic() > deadline:
                return
            await asyncio.sleep(0.1)
    except GilfoyleError as error:  # told by the step for it: the write itself may be all right
        trial.unfinished_fault = error


def _rate(size: int, seconds: float) -> str:
    return f"{size / 1e6:.1f} MB at {size / 1e6 / max(seconds, 1e-6):.1f} MB/s"
