"""Where a decoder must enter a source so that it has the frame that is on screen at the beginning of a chunk.

MP4 and MOV are sought by decode time: the keyframe found may be shown later than the chunk begins. After a pause (a
screen recording, slides) it is seconds late; in an open GOP, by the frames before the keyframe that need the previous
GOP. What lies between would be lost, and the next frame shown in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction

from gilfoyle.errors import EncodeFailed
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.ffmpeg.source import Source
from gilfoyle.media.ffmpeg import seek_target
from gilfoyle.media.ffprobe import entry_command
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Plan

# A keyframe before the one that was found is shown before it: one step is enough, unless keyframes crowd in a pause.
_STEPS = 20
# Less than any two stamps differ by (seconds).
_BEFORE = Fraction(1, 10_000)
_WAIT_S = 2.0


async def entry(
    ffprobe: str,
    source: Source,
    info: MediaInfo,
    plan: Plan,
    first_segment: int,
    *,
    timeout_s: float,
    memory_mb: int,
    on_wait: Callable[[], None] = lambda: None,
) -> Fraction | None:
    """Where to seek for a pass from `first_segment` on, on the container's clock (seconds); None: at the beginning.

    `on_wait` is called every two seconds meanwhile: a storage that does not answer takes minutes. Raises EncodeFailed
    if the source can't be read there, StorageError if the storage fails.
    """
    if not (first_segment or plan.lead_s) or not info.exact_seek or info.video is None:
        return None
    at = target = seek_target(plan, first_segment)
    if not info.sought_by_decode_time:
        return target
    waiting = asyncio.create_task(_every(_WAIT_S, on_wait))
    try:
        for _ in range(_STEPS):
            found = await _arrival(ffprobe, source, info.video.index, at, timeout_s, memory_mb)
            if found is None or found[0] <= target:
                return at
            at = min(found) - _BEFORE
            if at <= info.start:
                break
        return None
    finally:
        waiting.cancel()


async def _every(seconds: float, call: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        call()


async def _arrival(
    ffprobe: str, source: Source, stream: int, at: Fraction, timeout_s: float, memory_mb: int
) -> tuple[Fraction, Fraction] | None:
    async def look(*, patiently: bool = False) -> bytes:
        command = entry_command(ffprobe, source.place, stream, at, patiently=patiently)
        return await capture(command, timeout_s=timeout_s, memory_mb=memory_mb, source=source)

    try:
        try:
            return _stamps(await look())
        except ProcessFailed:
            return _stamps(await look(patiently=True))
    except ProcessFailed as error:
        raise EncodeFailed(f"ffprobe could not look into the source: {error}.", log=error.tail) from error
    except TimeoutError as error:
        raise EncodeFailed(f"ffprobe could not look into the source within {timeout_s:.0f} s.") from error


def _stamps(line: bytes) -> tuple[Fraction, Fraction] | None:
    """Presentation and decode time of the first packet, in seconds; None if it has none, or there is no packet."""
    first = line.decode().strip().partition("\n")[0].split(",")
    return (Fraction(first[0]), Fraction(first[1])) if len(first) > 1 and "N/A" not in first[:2] else None
