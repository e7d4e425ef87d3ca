"""Runs with figures that are easy to divide."""

from __future__ import annotations

from bench.results import Pair, PipelineRun, Run


def pair(
    cpu: tuple[float | None, float | None] = (115, 100),
    wall: tuple[float, float] = (60, 50),
    size: tuple[int, int] = (102, 100),
    first_play_s: float = 2,
) -> Pair:
    """A pair of runs; each figure as (pipeline, by hand)."""
    ours = PipelineRun(
        cpu_s=cpu[0],
        wall_s=wall[0],
        segment_bytes={"720p": size[0] - 2, "audio-128k": 2},
        first_play_s=first_play_s,
        upload_s=0.5,
        servers_cpu_s={"API": 1.25, "Temporal": 2.0},
    )
    return Pair(ours, Run(cpu_s=cpu[1], wall_s=wall[1], segment_bytes={"720p": size[1]}))
