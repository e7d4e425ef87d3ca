"""What was measured, and how the sides compare. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.results import median_of

BACKENDS = ("filesystem", "s3", "ipfs")

Action = Literal["put", "get", "get_cached"]
_ALWAYS: tuple[Action, ...] = ("put", "get")


@dataclass(frozen=True)
class Measured:
    """One job of one side."""

    put_s: float
    get_s: float
    peak_rss_mb: float
    """Of the process that did it; without its server, and without the programs that a bare tool is."""

    get_cached_s: float | None = None
    """Read once more, now from the page cache: of files. `get_s` is that from the disk then."""

    def seconds(self, action: Action) -> float | None:
        """How long it took."""
        return {"put": self.put_s, "get": self.get_s, "get_cached": self.get_cached_s}[action]


@dataclass(frozen=True)
class Pair:
    """The same job on both sides, one after the other."""

    ours: Measured
    bare: Measured

    def ratio(self, action: Action) -> float | None:
        """Our throughput over the bare tool's; None if it was not measured."""
        ours, bare = self.ours.seconds(action), self.bare.seconds(action)
        return None if ours is None or bare is None else bare / ours


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


def actions_of(name: str) -> tuple[Action, ...]:
    """What is measured of a backend."""
    return (*_ALWAYS, "get_cached") if name == "filesystem" else _ALWAYS


def summary(backends: Mapping[str, Backend]) -> dict[str, float | None]:
    """A ratio is the median over the pairs, the memory the most over the backends; None if nothing was measured."""
    figures: dict[str, float | None] = {}
    for name in BACKENDS:
        found = backends.get(name, Backend())
        for action in actions_of(name):
            figures[f"{name}_{action}_ratio"] = median_of(pair.ratio(action) for pair in found.objects)
            figures[f"{name}_{action}_segments_ratio"] = median_of(pair.ratio(action) for pair in found.segments)
    figures["peak_rss_mb_1gib"] = _most(found.peak_mb for found in backends.values())
    figures["peak_rss_mb_16mib"] = _most(found.small_peak_mb for found in backends.values())
    return figures


def _most(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(max(known), 1) if known else None
