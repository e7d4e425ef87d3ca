"""Why a workflow doesn't get on."""

from __future__ import annotations

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo

from gilfoyle.cli.operations import reason_to_wait


def pending(state: str, *, scheduled: int = 1000, failure: str = "") -> PendingActivityInfo:
    info = PendingActivityInfo(state=PendingActivityState.Value(f"PENDING_ACTIVITY_STATE_{state}"))
    info.activity_type.name = "sweep"
    info.scheduled_time.FromSeconds(scheduled)
    if failure:
        info.last_failure.message = failure
    return info


def test_what_goes_on_has_no_reason() -> None:
    assert reason_to_wait([], 20, 1000) == ""
    assert reason_to_wait([pending("STARTED"), pending("SCHEDULED")], 20, 1020) == ""


def test_a_step_that_nobody_takes() -> None:
    assert "no worker has taken the step sweep" in reason_to_wait([pending("STARTED"), pending("SCHEDULED")], 20, 1021)


def test_a_step_that_is_repeated_says_why() -> None:
    assert reason_to_wait([pending("STARTED", failure="The catalog is away.")], 20, 1000) == "The catalog is away."
