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

from gilfoyle.workflows.faults import Fault, fault_of

UNFORESEEN = Fault("internal", "internal", "Something unforeseen went wrong: Temporal's web UI says what.")


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
            Fault("unsupported_media", "truncated", "It was cut short."),
        ),
        (
            ApplicationError("No space.", type="storage_failed"),
            Fault("storage_failed", "storage_failed", "No space."),
        ),
        (ApplicationError("Odd."), Fault("internal", "internal", "Odd.")),
        (
            TimeoutError("activity StartToClose timeout", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]),
            Fault("timeout", "timeout", "A step took longer than it may."),
        ),
        (CancelledError("cancelled"), Fault("cancelled", "cancelled", "It was cancelled in Temporal.")),
        (TerminatedError("by me"), Fault("cancelled", "cancelled", "It was terminated in Temporal.")),
        (ServerError("down"), UNFORESEEN),
        (None, UNFORESEEN),
    ],
)
def test_an_activitys_fault(cause: FailureError | None, expected: Fault) -> None:
    assert fault_of(activity_error(cause)) == expected


def test_an_error_that_is_no_activitys() -> None:
    assert fault_of(ApplicationError("It is gone.", "not_found", type="not_found")) == Fault(
        "not_found", "not_found", "It is gone."
    )
    assert fault_of(FailureError("strange", failure=Failure())).kind == "internal"
