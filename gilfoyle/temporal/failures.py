"""Why an activity failed, read from Temporal's chain of errors."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    TerminatedError,
    TimeoutError,
)


@dataclass(frozen=True)
class Reason:
    """`kind` is the exception's `code` (`unsupported_media`), `code` the finer reason (`truncated`)."""

    kind: str
    code: str
    message: str


# What Temporal itself says is for its operator: a person is told in our words, and never in those of a log.
_OF_TEMPORALS = {
    TimeoutError: Reason("timeout", "timeout", "A step took longer than it may."),
    CancelledError: Reason("cancelled", "cancelled", "It was cancelled in Temporal."),
    TerminatedError: Reason("cancelled", "cancelled", "It was terminated in Temporal."),
}
_UNFORESEEN = Reason("internal", "internal", "Something unforeseen went wrong: Temporal's web UI says what.")


def reason_of(error: FailureError) -> Reason:
    """The reason to show to a person."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        kind = cause.type or "internal"
        code = str(cause.details[0]) if cause.details else kind
        return Reason(kind, code, cause.message)
    return next((fault for kind, fault in _OF_TEMPORALS.items() if isinstance(cause, kind)), _UNFORESEEN)
