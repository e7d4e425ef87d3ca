"""How long a pass takes on one core, from a real encode. Pure.

Measured with the film of `bench encode` (1080p30, 25 Mbit/s) and the preset `veryfast`: its 60 s took 159 CPU s for the
whole ladder, of them 21 for the decode. See docs/benchmarks.md.
"""

from __future__ import annotations

import zlib

from gilfoyle.media.plan import Pass, Plan

_DECODE = 0.35
_ENCODE = {"1080p": 1.20, "720p": 0.60, "480p": 0.32, "360p": 0.20}
_AUDIO = 0.02
# Starting ffmpeg, opening the source, finding the place.
_START_S = 0.3
# Not all parts of a film are equally hard: evenly between (1 - this) and (1 + this) times the usual.
_SPREAD = 0.3


def cost_s(plan: Plan, chunk: Pass, media_id: str) -> float:
    """Seconds that a pass takes on one core. The same pass of the same media always takes the same."""
    grid = plan.grid
    end = min(chunk.first + chunk.count, grid.segments)
    media_s = float(grid.segment_start(end) - grid.segment_start(chunk.first))
    hardness = zlib.crc32(f"{media_id}/{chunk.first}".encode()) / 2**32
    return _START_S + media_s * _per_second(chunk) * (1 - _SPREAD + 2 * _SPREAD * hardness)


def _per_second(chunk: Pass) -> float:
    """For a second of media."""
    # `1080p-av1` is taken to cost as much as `1080p`.
    heights = [name.partition("-")[0] for name in chunk.renditions]
    video = [_ENCODE[height] for height in heights if height in _ENCODE]
    return _DECODE + sum(video) if video else _AUDIO
