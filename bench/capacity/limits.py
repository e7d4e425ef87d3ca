"""What servers allow, and how near a fleet comes. Pure.

Temporal's are the defaults of its server 1.32, `common/dynamicconfig/constants.go`, each for a process of a service;
those of its Cloud are a namespace's at first, https://docs.temporal.io/cloud/limits; S3's are AWS' for a prefix,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html; PostgreSQL's its `max_connections`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POLLS = "open polls for activities"
FRONTEND, HISTORY, MATCHING = "requests/s to the frontend", "requests/s to history", "requests/s to matching"
FRONTEND_DB, HISTORY_DB, MATCHING_DB = (
    f"database requests/s of {each}" for each in ("frontend", "history", "matching")
)
CLOUD_POLLS, CLOUD_ACTIONS, CLOUD_REQUESTS = "Cloud: open polls", "Cloud: actions/s", "Cloud: requests/s"
POSTGRES = "connections to PostgreSQL"
S3_WRITES, S3_READS = "S3: writes/s", "S3: reads/s"

LIMITS: Mapping[str, float] = {
    POLLS: 10_000,  # frontend.namespaceCount, as deploy/temporal-dynamic-config.yaml has it; 1,200 by default
    FRONTEND: 2400,  # frontend.namespaceRPS
    HISTORY: 3000,  # history.rps
    MATCHING: 1200,  # matching.rps
    FRONTEND_DB: 2000,  # frontend.persistenceMaxQPS
    HISTORY_DB: 9000,  # history.persistenceMaxQPS
    MATCHING_DB: 3000,  # matching.persistenceMaxQPS
    CLOUD_POLLS: 20_000,
    CLOUD_ACTIONS: 500,
    CLOUD_REQUESTS: 2000,
    POSTGRES: 100,
    S3_WRITES: 3500,
    S3_READS: 5500,
}

# What Temporal Cloud bills of what workers and the API ask for, https://docs.temporal.io/cloud/actions: an activity
# that begins, a heartbeat, a signal, an update, a workflow that begins. Timers come on top, one for eight passes.
_BILLED = {
    "RecordActivityTaskHeartbeat",
    "SignalWorkflowExecution",
    "SignalWithStartWorkflowExecution",
    "UpdateWorkflowExecution",
    "StartWorkflowExecution",
    "QueryWorkflow",
}
_ENDED_ACTIVITY = ("RespondActivityTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled")


@dataclass(frozen=True)
class Measure:
    """One figure that has a limit."""

    name: str
    idle: float
    loaded: float

    @property
    def limit(self) -> float:
        return LIMITS[self.name]

    @property
    def is_inside(self) -> bool:
        return max(self.idle, self.loaded) <= self.limit


def actions(requests: Mapping[str, float]) -> float:
    """Actions of Temporal Cloud that so many requests a second are, by operation.

    What ended is taken for what began: in a while of the same load it is as many.
    """
    billed = sum(rate for name, rate in requests.items() if name in _BILLED)
    return round(billed + sum(requests.get(name, 0.0) for name in _ENDED_ACTIVITY), 1)
