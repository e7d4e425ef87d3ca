"""Why a workflow doesn't get on, from what Temporal says of its activities."""

from __future__ import annotations

import time
from collections.abc import Iterable

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo


def reason_to_wait(activities: Iterable[PendingActivityInfo], patience_s: float, now: float | None = None) -> str:
    """A sentence for the first activity that is repeated, or has found no worker for `patience_s`; empty if all go on.

    `now`: in seconds since the epoch, the present by default.
    """
    for activity in activities:
        if activity.HasField("last_failure"):
            return activity.last_failure.message
        waited_s = (time.time() if now is None else now) - activity.scheduled_time.ToSeconds()
        if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and waited_s > patience_s:
            return f"no worker has taken the step {activity.activity_type.name} yet; is one on every queue?"
    return ""
