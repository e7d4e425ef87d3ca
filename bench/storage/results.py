"""What was measured, and how the sides compare. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.results import median_of

BACKENDS = ("filesystem", "s3", "ipfs")

Action = Literal["put", "get"]
ACTIONS: tuple[Action, ...] = ("put", "get")


@dataclass(frozen=True)
class Measured:
    """One job of one side."""

    put_s: float
    get_s: float
    peak_rss_mb: float
    """Of the process that did it; without its server, and without the programs that a bare tool is."""

    def seconds(self, action: Action) -> float:
        """How long it took."""
        return self.put_s if action == "put" else self.get_s


@dataclass(frozen=True)
class Pair:
    """The same job on both sides, one after the other."""

    ours: Measured
    bare: Measured

    def ratio(self, action: Action) -> float:
        """Our throughput over the bare tool's."""
        return self.bare.seconds(action) / self.ours.seconds(action)


@dataclass(frozen=True)
class Backend:
    """All that was measured of one backend."""

    objects: list[Pair] = field(default_factory=list)
    segments: list[Pair] = field(default_factory=list)
    small: Measured | None = None
    """Ours with a small object, for its memory."""

    @property
    def peak_mb(self) -> float | None:
        """The most that our side had with the large object."""
        return max((pair.ours.peak_rss_mb for pair in self.objects), default=None)

    @property
    def small_peak_mb(self) -> float | None:
        """The same with the small object."""
        return None if self.small is None else self.small.peak_rss_mb


def summary(backends: Mapping[str, Backend]) -> dict[str, float | None]:
    """A ratio is the median over the pairs, the memory the most over the backends; None if nothing was measured."""
    figures: dict[str, float | None] = {}
    for name in BACKENDS:
        found = backends.get(name, Backend())
        for action in ACTIONS:
            figures[f"{name}_{action}_ratio"] = median_of(pair.ratio(action) for pair in found.objects)
            figures[f"{name}_{action}_segments_ratio"] = median_of(pair.ratio(action) for pair in found.segments)
    figures["peak_rss_mb_1gib"] = _most(found.peak_mb for found in backends.values())
    figures["peak_rss_mb_16mib"] = _most(found.small_peak_mb for found in backends.values())
    return figures


def _most(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(max(known), 1) if known else None
