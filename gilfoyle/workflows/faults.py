"""Why an activity failed, read from Temporal's chain of errors."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError


@dataclass(frozen=True)
class Fault:
    """`kind` is the exception's `code` (`unsupported_media`), `code` the finer reason (`truncated`)."""

    kind: str
    code: str
    message: str


def fault_of(error: FailureError) -> Fault:
    """The reason that a person is told."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        kind = cause.type or "internal"
        code = str(cause.details[0]) if cause.details else kind
        return Fault(kind, code, cause.message)
    if isinstance(cause, TimeoutError):
        return Fault("timeout", "timeout", "A step took longer than it may.")
    return Fault("internal", "internal", str(cause or error))
