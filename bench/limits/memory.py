"""The memory of the processes of a `gilfoyle up`, one after another in time, and whether it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from bench import cpu

API, LIGHT, TRANSCODE = "API", "light worker", "transcode worker"
KINDS = (API, LIGHT, TRANSCODE)
WORKERS = (LIGHT, TRANSCODE)

_MARK = 0.1
_LATE = 0.9


@dataclass(frozen=True)
class Sample:
    """A moment: seconds since the beginning, MB of each kind (RSS), and how much of its work each had done, 0 to 1."""

    at_s: float
    rss_mb: dict[str, float]
    """Of the process itself: an ffmpeg is another one, which ends. A kind that is being restarted is not there."""
    done: dict[str, float]


@dataclass(frozen=True)
class Levels:
    """MB that one kind had. `tenth`: once a tenth of its work was done; `late`: the most after nine tenths of it."""

    begin: float
    tenth: float
    peak: float
    late: float
    end: float

    @property
    def growth(self) -> float:
        """From the first tenth to the last: by then caches are full and libraries are loaded, so what grows, leaks."""
        return round(self.late - self.tenth, 1)


def kind_of(command: Sequence[str]) -> str | None:
    """Which kind a direct child of `up` is, by its command line; None for the servers that are not ours."""
    part = cpu.part_of(command)
    if part == cpu.WORKERS:
        return TRANSCODE if "transcode" in command else LIGHT
    return API if part == cpu.API else None


def rss_mb(root: int) -> dict[str, float]:
    """What each kind takes now. `root` is the pid of `up`."""
    found: dict[str, float] = {}
    for child in psutil.Process(root).children():
        try:
            kind, taken = kind_of(child.cmdline()), child.memory_info().rss
        except psutil.Error:
            continue
        if kind:
            found[kind] = round(found.get(kind, 0.0) + taken / 1e6, 1)
    return found


def levels(samples: Sequence[Sample], kind: str) -> Levels | None:
    """Of one kind; None if it was never seen. Samples are in the order of time."""
    seen = [(each.done[kind], each.rss_mb[kind]) for each in samples if kind in each.rss_mb]
    if not seen:
        return None
    taken = [mb for _, mb in seen]
    return Levels(
        begin=taken[0],
        tenth=next((mb for done, mb in seen if done >= _MARK), taken[-1]),
        peak=max(taken),
        late=max((mb for done, mb in seen if done >= _LATE), default=taken[-1]),
        end=taken[-1],
    )


def all_levels(samples: Sequence[Sample]) -> dict[str, Levels]:
    """Of each kind that was seen."""
    found = ((kind, levels(samples, kind)) for kind in KINDS)
    return {kind: each for kind, each in found if each}
