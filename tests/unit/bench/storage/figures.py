"""Runs with figures that are easy to divide."""

from __future__ import annotations

from bench.storage.results import Backend, Measured, Pair


def pair(put: tuple[float, float] = (2, 1), get: tuple[float, float] = (1, 4), peak_mb: float = 60) -> Pair:
    """A pair of runs; each figure in seconds, as (ours, the bare tool's)."""
    return Pair(Measured(put[0], get[0], peak_mb), Measured(put[1], get[1], 999))


def backend(*objects: Pair, segments: Pair | None = None, small_mb: float = 50) -> Backend:
    return Backend([*objects] or [pair()], [segments or pair()], Measured(1, 1, small_mb))
