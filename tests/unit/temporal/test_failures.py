"""Why a step failed, read from Temporal's errors."""

from __future__ import annotations

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    RetryState,
    ServerError,
    TerminatedError,
    TimeoutError,
    TimeoutType,
)

from gilfoyle.temporal.failures import Reason, reason_of

UNFORESEEN = Reason("internal", "internal", "Something unforeseen went wrong: Temporal's web UI says what.")


def activity_error(cause: BaseException | None) -> ActivityError:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="worker",
        activity_type="probe",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (
            ApplicationError("It was cut short.", "truncated", type="unsupported_media"),
            Reason("unsupported_media", "truncated", "It was cut short."),
        ),
        (
            ApplicationError("No space.", type="storage_failed"),
            Reason("storage_failed", "storage_failed", "No space."),
        ),
        (ApplicationError("Odd."), Reason("internal", "internal", "Odd.")),
        (
            TimeoutError("activity StartToClose timeout", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]),
            Reason("timeout", "timeout", "A step took longer than it may."),
        ),
        (CancelledError("cancelled"), Reason("cancelled", "cancelled", "It was cancelled in Temporal.")),
        (TerminatedError("by me"), Reason("cancelled", "cancelled", "It was terminated in Temporal.")),
        (ServerError("down"), UNFORESEEN),
        (None, UNFORESEEN),
    ],
)
def test_an_activitys_fault(cause: FailureError | None, expected: Reason) -> None:
    assert reason_of(activity_error(cause)) == expected


def test_an_error_that_is_no_activitys() -> None:
    assert reason_of(ApplicationError("It is gone.", "not_found", type="not_found")) == Reason(
        "not_found", "not_found", "It is gone."
    )
    assert reason_of(FailureError("strange", failure=Failure())).kind == "internal"
