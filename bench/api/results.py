"""What was measured of the API, and the figures that are made of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from bench.api.rows import GROUPS, TAGS, TENANTS, WORDS

AIMS = {"get_ratio": 1.5, "list_100k_over_1k": 1.3, "search_p99_ms": 10, "tag_p99_ms": 10, "metadata_p99_ms": 10}
"""The most that each figure should be."""
_EACH = 100

SEARCHES: Mapping[str, Sequence[str]] = {
    "search": [f"q={word}" for word in WORDS] + [f"q=clip-{n * 37}." for n in range(_EACH - len(WORDS))],
    "tag": [f"tags=tag{n % TAGS}" for n in range(_EACH // 2)] + [f"tags=group{n % GROUPS}" for n in range(_EACH // 2)],
    "metadata": [f"metadata[tenant]=t{n % TENANTS}" for n in range(_EACH // 2)]
    + [f"metadata[number]={n * 19}" for n in range(_EACH // 2)],
}
"""Queries of each kind: half of them find many medias, half of them few."""


@dataclass(frozen=True)
class Ratio:
    """Ours, the other, and how they compare: medians, of the ratio that of the pairs."""

    ours_us: float
    other_us: float
    ratio: float

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, ...]]) -> Self:
        """Of pairs that were measured side by side."""
        ours, other = zip(*pairs, strict=True)
        return cls(median(ours), median(other), median(one / two for one, two in pairs))


@dataclass(frozen=True)
class Found:
    """All of it."""

    medias: int
    get: Ratio
    """CPU time of a GET of a media, and of the bare route."""
    listed: Ratio
    """Wall time of a page of many medias, and of few."""
    searches: Mapping[str, Sequence[float]]
    """Milliseconds of each query, by kind."""


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 stay below."""
    return sorted(values)[max(0, round(len(values) * 0.99) - 1)]


def summary(found: Found) -> dict[str, float]:
    """The figures by the names that they have in JSON."""
    searches = {f"{name}_p99_ms": round(p99(times), 2) for name, times in found.searches.items()}
    return {"get_ratio": round(found.get.ratio, 3), "list_100k_over_1k": round(found.listed.ratio, 3), **searches}
