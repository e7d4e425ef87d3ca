"""What was measured of uploads, and the figures that are made of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

AIMS = {"upload_ratio": 0.7, "tus_ratio": 0.7}
"""The least that each figure should be."""
MOST_GROWTH_MB = 32.0
"""How much more memory the largest file may take than the smallest one: memory is flat."""


@dataclass(frozen=True)
class Took:
    """One file, received once: seconds until the answer, and of the server's processor."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Round:
    """The same file sent to each, one after another."""

    put: Took
    """By PUT, to the API."""
    tus: Took
    """By tus in one request, to the API."""
    nginx: Took
    """By PUT, to nginx."""
    synced: float
    """Seconds until the disk had what nginx wrote: the API answers when that is so, nginx at once."""


@dataclass(frozen=True)
class Rates:
    """MB/s, medians of the rounds; ratios to nginx are those of the pairs."""

    put: float
    tus: float
    nginx: float
    nginx_synced: float
    put_ratio: float
    tus_ratio: float
    unsynced_ratio: float
    """PUT, by an nginx whose file is not on the disk yet."""
    cpu_ratio: float
    """nginx's processor time by the API's."""

    @classmethod
    def of(cls, rounds: Sequence[Round], size: int) -> Self:
        """Of files of `size` bytes."""
        mb = size / 1e6

        def rate(times: Sequence[float]) -> float:
            return round(mb / median(times), 1)

        return cls(
            put=rate([each.put.wall_s for each in rounds]),
            tus=rate([each.tus.wall_s for each in rounds]),
            nginx=rate([each.nginx.wall_s for each in rounds]),
            nginx_synced=rate([each.nginx.wall_s + each.synced for each in rounds]),
            put_ratio=_ratio([(each.nginx.wall_s + each.synced, each.put.wall_s) for each in rounds]),
            tus_ratio=_ratio([(each.nginx.wall_s + each.synced, each.tus.wall_s) for each in rounds]),
            unsynced_ratio=_ratio([(each.nginx.wall_s, each.put.wall_s) for each in rounds]),
            cpu_ratio=_ratio([(each.nginx.cpu_s, each.put.cpu_s) for each in rounds]),
        )


@dataclass(frozen=True)
class Crowd:
    """Uploads at once: how many were not accepted, and how long one took, at the median and at the 99th percentile."""

    uploads: int
    failed: int
    seconds: float
    median_s: float
    p99_s: float
    peak_mb: float
    """The most memory that the API had meanwhile (RSS)."""


@dataclass(frozen=True)
class Found:
    """All of it. `peak_mb`: the most memory of the API while files of so many MiB came, by PUT."""

    size: int
    rates: Rates
    peak_mb: Mapping[int, float]
    crowd: Crowd


def summary(found: Found) -> dict[str, float]:
    """The figures by the names that they have in JSON."""
    smallest, largest = min(found.peak_mb), max(found.peak_mb)
    return {
        "upload_ratio": found.rates.put_ratio,
        "tus_ratio": found.rates.tus_ratio,
        "upload_unsynced_ratio": found.rates.unsynced_ratio,
        "upload_cpu_ratio": found.rates.cpu_ratio,
        "memory_growth_mb": round(found.peak_mb[largest] - found.peak_mb[smallest], 1),
        "at_once_failed": found.crowd.failed,
    }


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return round(median(theirs / ours for theirs, ours in pairs), 3)
