"""What became of the uploads and of each long media, and the figures that are made of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.limits.memory import API, WORKERS, Levels

UPLOADS, AUDIO, VIDEO, WIDE = "uploads", "audio", "video", "wide"
PARTS = (UPLOADS, AUDIO, VIDEO, WIDE)

GROWTH_MB = 64
"""Beyond that, memory is not flat: each of a thousand uploads would leave 70 KB behind, more than its source."""
MOST_EVENTS = 51_200
MOST_MB = 50
"""Of one history: with more, Temporal ends the workflow."""
WARNED_EVENTS, WARNED_MB = 10_240, 10
"""From there on Temporal warns."""
MOST_PAYLOAD_KB = 2048
"""Temporal refuses a payload of more."""
LONGEST_TASK_S = 2
"""A worker that needs longer to go on with a workflow is taken for stuck by Temporal's library."""
MARGIN = 2
"""How far a wide film is to stay from what Temporal allows."""


@dataclass(frozen=True)
class Crowd:
    """Many uploads at once. Seconds from the first upload's begin."""

    uploads: int
    ready: int
    accepted_s: float
    """When the last was accepted."""
    wall_s: float
    """When all were Ready."""
    longest_queue: int
    """The most that were accepted and not yet Ready."""
    memory: dict[str, Levels]


@dataclass(frozen=True)
class Long:
    """One long media."""

    hours: float
    upload_s: float
    wall_s: float
    """From the end of the upload to Ready."""
    history_events: int
    history_bytes: int
    steps: dict[str, int]
    """How many activities of each name the history has."""
    playlist_ms: float
    """The longest that the lowest rendition's playlist was waited for."""
    playlist_bytes: int
    memory: dict[str, Levels]

    @property
    def history_mb(self) -> float:
        """As Temporal counts, 1024² bytes."""
        return round(self.history_bytes / 2**20, 2)


@dataclass(frozen=True)
class Wide:
    """A long film with many renditions, whose passes were simulated."""

    hours: float
    renditions: int
    runs: int
    """Of its workflow: where a history grew long, it went on in another."""
    passes: int
    segments: int
    """That were stored, each once."""
    wall_s: float
    """From the workflow's start to Ready."""
    history_events: list[int]
    """Of each run."""
    history_bytes: list[int]
    largest_event_bytes: int
    """With its payload."""
    longest_task_s: float
    """The longest that the worker took to go on with the workflow."""
    failed_tasks: int
    """How often it could not go on, or not in time."""
    steps: dict[str, int]
    """How many activities of each name the histories have."""

    @property
    def history_mb(self) -> float:
        """Of the largest history, as Temporal counts: 1024² bytes."""
        return round(max(self.history_bytes) / 2**20, 2)

    @property
    def largest_payload_kb(self) -> float:
        """Of 1024 bytes."""
        return round(self.largest_event_bytes / 1024, 1)


@dataclass(frozen=True)
class Found:
    """What was measured; None for what was left out."""

    crowd: Crowd | None
    longs: dict[str, Long]
    """By AUDIO, VIDEO."""
    wide: Wide | None = None


def growth(memory: Mapping[str, Levels], *kinds: str) -> float | None:
    """The most that one of these kinds grew, in MB; None if none was seen."""
    return max((memory[kind].growth for kind in kinds if kind in memory), default=None)


def peak(memory: Mapping[str, Levels], *kinds: str) -> float | None:
    """The most that one of these kinds took, in MB; None if none was seen."""
    return max((memory[kind].peak for kind in kinds if kind in memory), default=None)


def summary(found: Found) -> dict[str, float | None]:
    """The figures; those of a long media end with its part and length, as in `history_events_audio_12h`."""
    figures: dict[str, float | None] = {}
    if crowd := found.crowd:
        figures |= {
            "rss_growth_mb_api": growth(crowd.memory, API),
            "rss_growth_mb_workers": growth(crowd.memory, *WORKERS),
            "rss_peak_mb_api": peak(crowd.memory, API),
            "rss_peak_mb_workers": peak(crowd.memory, *WORKERS),
            "uploads_ready": crowd.ready,
            "uploads_per_s": round(crowd.ready / crowd.wall_s, 3),
            "uploads_wall_s": crowd.wall_s,
            "longest_queue": crowd.longest_queue,
        }
    for part, long in found.longs.items():
        name = f"{part}_{long.hours:g}h"
        figures |= {
            f"history_events_{name}": long.history_events,
            f"history_mb_{name}": long.history_mb,
            f"wall_s_{name}": long.wall_s,
            f"rss_growth_mb_api_{name}": growth(long.memory, API),
            f"rss_growth_mb_workers_{name}": growth(long.memory, *WORKERS),
            f"playlist_ms_{name}": long.playlist_ms,
        }
    if wide := found.wide:
        name = f"wide_{wide.hours:g}h"
        figures |= {
            f"history_events_{name}": max(wide.history_events),
            f"history_mb_{name}": wide.history_mb,
            f"largest_payload_kb_{name}": wide.largest_payload_kb,
            f"longest_task_s_{name}": wide.longest_task_s,
            f"failed_tasks_{name}": wide.failed_tasks,
            f"runs_{name}": wide.runs,
            f"passes_{name}": wide.passes,
            f"segments_{name}": wide.segments,
            f"wall_s_{name}": wide.wall_s,
        }
    return figures
