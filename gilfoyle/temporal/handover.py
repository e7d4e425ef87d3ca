"""Handing a piece of work to another worker, because this one was asked to stop."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import ApplicationError

HANDED_OVER = "handed_over"
"""The type of such an end of an attempt. It is no failure, and counts for none."""
# The least that the SDK tells the server: of zero it says nothing, and the server would pause as after a failure.
_AT_ONCE = timedelta(milliseconds=1)


def handed_over(done: str) -> ApplicationError:
    """What an activity raises that goes on elsewhere, at once. `done`: how far it came, for people."""
    return ApplicationError(
        f"The worker stops; another one goes on: {done}.", type=HANDED_OVER, next_retry_delay=_AT_ONCE
    )
