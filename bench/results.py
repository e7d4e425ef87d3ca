"""What a run measured, and how two runs compare. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Run:
    """One side, once. Seconds and bytes."""

    cpu_s: float | None
    """User and system time of the work. None where the system does not tell what ended children used (macOS)."""
    wall_s: float
    segment_bytes: dict[str, int]
    """Media segments of each rendition, without playlists and init segments."""

    @property
    def total_bytes(self) -> int:
        """All segments."""
        return sum(self.segment_bytes.values())


@dataclass(frozen=True)
class PipelineRun(Run):
    """`cpu_s` is of the workers and their ffmpegs, `wall_s` from the end of the upload to Ready."""

    first_play_s: float
    """From the end of the upload until a player could have begun."""
    upload_s: float
    servers_cpu_s: dict[str, float | None]
    """CPU of the API, Temporal and PostgreSQL, from the beginning of the upload to Ready."""


@dataclass(frozen=True)
class Pair:
    """Two runs, one after the other."""

    pipeline: PipelineRun
    handwritten: Run

    @property
    def cpu_ratio(self) -> float | None:
        """The pipeline's CPU time against the command's; None where it can't be measured."""
        if self.pipeline.cpu_s is None or not self.handwritten.cpu_s:
            return None
        return self.pipeline.cpu_s / self.handwritten.cpu_s

    @property
    def wall_ratio(self) -> float:
        return self.pipeline.wall_s / self.handwritten.wall_s

    @property
    def bytes_ratio(self) -> float:
        return self.pipeline.total_bytes / self.handwritten.total_bytes


@dataclass(frozen=True)
class Quality:
    """The mean VMAF (0 to 100) of each rendition of both sides."""

    pipeline: dict[str, float]
    handwritten: dict[str, float]

    @property
    def delta(self) -> float:
        """By hand minus pipeline, of the rendition where that is most: positive, where ours is worse."""
        return round(max(self.handwritten[name] - score for name, score in self.pipeline.items()), 3)


def summary(pairs: Sequence[Pair], quality: Quality | None = None) -> dict[str, float | None]:
    """The medians over the pairs. A ratio is taken within each pair first: the machine drifts between pairs."""
    return {
        "cpu_ratio": median_of(pair.cpu_ratio for pair in pairs),
        "wall_ratio": median_of(pair.wall_ratio for pair in pairs),
        "bytes_ratio": median_of(pair.bytes_ratio for pair in pairs),
        "first_play_s": median_of(pair.pipeline.first_play_s for pair in pairs),
        "vmaf_delta": quality.delta if quality else None,
    }


def median_of(values: Iterable[float | None]) -> float | None:
    """The median, rounded to a thousandth; None if a value is missing."""
    known = [*values]
    measured = [value for value in known if value is not None]
    return round(median(measured), 3) if measured and len(measured) == len(known) else None


def number(value: float | None, digits: int) -> str:
    """A dash for what could not be measured."""
    return "–" if value is None else f"{value:.{digits}f}"
