"""How earlier attempts of an activity ended. Temporal counts attempts; we decide which of them count.

The history travels at the end of the heartbeat details: Temporal hands them to the next attempt, on any worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from temporalio import activity
from temporalio.common import RawValue
from temporalio.worker import ActivityOutboundInterceptor

from gilfoyle.temporal.encryption import DISPENSABLE

_NAME = "attempts"


class AttemptHistory(BaseModel):
    """How attempts ended. Those that an absent storage or catalog, or a deploy, has ended are not counted."""

    encode_failed: int = 0
    """ffmpeg itself failed or stalled."""
    unforeseen: int = 0
    """An exception that is no GilfoyleError."""
    silent: int = 0
    """Attempts without a known end: the worker died, or exceeded the time limit."""
    under_way: bool = False
    """An attempt has begun and has not reported its end."""

    @classmethod
    def found(cls) -> AttemptHistory:
        """The history that the previous attempt left; empty for a first attempt."""
        left = [detail[_NAME] for detail in activity.info().heartbeat_details if _is_history(detail)]
        return cls.model_validate(left[-1]) if left else cls()


class Told(ActivityOutboundInterceptor):
    """Remembers the activity's last heartbeat, of this attempt or the one before, to repeat it."""

    _told: Sequence[Any] = ()

    def begin(self) -> None:
        """Take over the history of the previous attempt."""
        self._told = own_details()

    def tell(self) -> None:
        """Repeat the last heartbeat."""
        self.heartbeat(*self._told)

    def heartbeat(self, *details: Any) -> None:
        self._told = details
        super().heartbeat(*details)


class AttemptOutbound(Told):
    """Appends the history to every heartbeat; `tell` sends it as it is now."""

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        self.history = AttemptHistory()

    def begin(self) -> None:
        super().begin()
        self.history = AttemptHistory.found()

    def heartbeat(self, *details: Any) -> None:
        self._told = details
        self.next.heartbeat(*map(_dispensable, (*details, {_NAME: self.history.model_dump()})))


def _dispensable(detail: Any) -> RawValue:
    """A detail that is null to a worker that can't decrypt it: the SDK would end the activity for good."""
    payload = activity.payload_converter().to_payload(detail)
    payload.metadata[DISPENSABLE] = b"1"
    return RawValue(payload)


def own_details() -> list[Any]:
    """The heartbeat details of the previous attempt, without its history."""
    return [detail for detail in activity.info().heartbeat_details if detail is not None and not _is_history(detail)]


def _is_history(detail: Any) -> bool:
    return isinstance(detail, dict) and _NAME in detail
