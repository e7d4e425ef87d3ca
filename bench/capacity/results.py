"""What was seen in a while, and the figures that are made of it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.capacity import limits
from bench.capacity.activities import Seen
from bench.capacity.limits import Measure

_WRITES = ("PUT", "POST", "DELETE")
_FRONTEND, _HISTORY, _MATCHING = "frontend", "history", "matching"


@dataclass(frozen=True)
class Passes:
    """What all workers' passes did in the while."""

    running: float
    """At a time, on the average."""
    began: int
    ended: int
    segments: int
    failed: int
    waited_p50_s: float
    waited_p95_s: float
    """From when Temporal had a pass until a worker had it."""


@dataclass(frozen=True)
class Window:
    """A while of `seconds`. Requests and processor time are for a second; what is open is the most at a time."""

    seconds: float
    requests: Mapping[str, Mapping[str, float]]
    """To each service of Temporal, by operation."""
    database_requests: Mapping[str, float]
    """Of each service of Temporal, to its database."""
    polls: Mapping[str, int]
    """Open at the frontend, by operation."""
    pollers: Mapping[str, int]
    """Identities that Temporal names for each queue."""
    refused: Mapping[str, float]
    """Requests that Temporal refused since others were too many, a second, by what there was too much of."""
    temporal_connections: int
    temporal_cores: float
    temporal_mb: float
    database_connections: Mapping[str, int]
    """By process."""
    storage: Mapping[str, float]
    """Requests by kind."""
    hosts_cores: float
    passes: Passes

    def measured(self) -> dict[str, float]:
        """What has a limit."""
        of = {service: sum(self.requests.get(service, {}).values()) for service in (_FRONTEND, _HISTORY, _MATCHING)}
        writes = sum(self.storage.get(kind, 0.0) for kind in _WRITES)
        return {
            limits.POLLS: self.polls.get("PollActivityTaskQueue", 0),
            limits.FRONTEND: of[_FRONTEND],
            limits.HISTORY: of[_HISTORY],
            limits.MATCHING: of[_MATCHING],
            limits.FRONTEND_DB: self.database_requests.get(_FRONTEND, 0.0),
            limits.HISTORY_DB: self.database_requests.get(_HISTORY, 0.0),
            limits.MATCHING_DB: self.database_requests.get(_MATCHING, 0.0),
            limits.CLOUD_POLLS: sum(self.polls.values()),
            limits.CLOUD_ACTIONS: limits.actions(self.requests.get(_FRONTEND, {})),
            limits.CLOUD_REQUESTS: of[_FRONTEND],
            limits.POSTGRES: sum(self.database_connections.values()),
            limits.S3_WRITES: writes,
            limits.S3_READS: sum(self.storage.values()) - writes,
        }


@dataclass(frozen=True)
class Real:
    """What a film cost that was really encoded. Requests are all that there were from its upload until it was Ready."""

    film_s: int
    passes: int
    segments: int
    """Of all renditions."""
    storage: Mapping[str, float]
    temporal: Mapping[str, float]

    def per_hour(self) -> dict[str, float]:
        """Requests to the storage for an hour of film, by kind."""
        return {kind: round(count * 3600 / self.film_s) for kind, count in self.storage.items()}


@dataclass(frozen=True)
class Found:
    """Of a run with so many `workers` that encode, each with `slots` long passes; `light` processes do all else."""

    workers: int
    slots: int
    light: int
    started_s: float
    idle: Window
    loaded: Window
    real: Real | None

    def measures(self) -> list[Measure]:
        """Each figure that has a limit."""
        idle, loaded = self.idle.measured(), self.loaded.measured()
        return [Measure(name, round(idle[name], 1), round(loaded[name], 1)) for name in idle]

    def summary(self) -> dict[str, float]:
        """What a run is compared by."""
        frontend = self.loaded.requests.get(_FRONTEND, {})
        polls = self.loaded.polls.get("PollActivityTaskQueue", 0), self.idle.polls.get("PollActivityTaskQueue", 0)
        return {
            "open_polls": max(polls),
            "frontend_requests_per_s_idle": round(sum(self.idle.requests.get(_FRONTEND, {}).values()), 1),
            "frontend_requests_per_s": round(sum(frontend.values()), 1),
            "heartbeats_per_pass_s": round(
                frontend.get("RecordActivityTaskHeartbeat", 0.0) / max(1.0, self.loaded.passes.running), 3
            ),
            "temporal_connections": self.loaded.temporal_connections,
            "temporal_mb": round(self.loaded.temporal_mb),
            "temporal_cores_idle": round(self.idle.temporal_cores, 2),
            "temporal_cores": round(self.loaded.temporal_cores, 2),
            "database_connections": sum(self.loaded.database_connections.values()),
            "passes_running": round(self.loaded.passes.running),
            "passes_per_s": round(self.loaded.passes.ended / self.loaded.seconds, 2),
            "schedule_to_start_p50_s": self.loaded.passes.waited_p50_s,
            "schedule_to_start_p95_s": self.loaded.passes.waited_p95_s,
            "refused_per_s": round(max(sum(each.refused.values()) for each in (self.idle, self.loaded)), 1),
            "passes_failed": self.loaded.passes.failed,
            "outside": sum(not each.is_inside for each in self.measures()),
        }


def passes(seen: Iterable[Seen], since: float, until: float, running: Sequence[float]) -> Passes:
    """Of what all hosts saw, what lies between two moments (`time.time`). `running`: samples of how many there were."""
    waited: list[float] = []
    ended = segments = failed = 0
    for each in seen:
        waited += [waited_s for at, waited_s in each.began if since <= at < until]
        ended += sum(since <= at < until for at in each.ended)
        segments += sum(since <= at < until for at in each.segments)
        failed += sum(since <= at < until for at in each.failed)
    twentieths = statistics.quantiles(waited, n=20) if len(waited) > 1 else [0.0] * 19
    return Passes(
        running=round(statistics.fmean(running), 1) if running else 0.0,
        began=len(waited),
        ended=ended,
        segments=segments,
        failed=failed,
        waited_p50_s=round(twentieths[9], 3),
        waited_p95_s=round(twentieths[18], 3),
    )
