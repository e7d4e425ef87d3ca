"""What the attempts of an activity before this one came to. Temporal counts attempts; which of them count is ours.

A history lies behind what the activity tells by heartbeats: Temporal hands that to the next attempt, on any worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from temporalio import activity
from temporalio.worker import ActivityOutboundInterceptor

_NAME = "attempts"


class AttemptHistory(BaseModel):
    """How attempts ended. One that ended by a store or a catalog that was away, or by a deploy, is not counted."""

    encode_failed: int = 0
    """ffmpeg itself gave up, or did not get on."""
    unforeseen: int = 0
    """An exception that is no GilfoyleError."""
    silent: int = 0
    """Nobody told how it ended: the worker died with it, or took longer than it may."""
    under_way: bool = False
    """An attempt has begun, and has not told how it ended."""

    @classmethod
    def found(cls) -> AttemptHistory:
        """What the attempt before has left; empty for a first attempt."""
        left = [detail[_NAME] for detail in activity.info().heartbeat_details if _is_history(detail)]
        return cls.model_validate(left[-1]) if left else cls()


class Told(ActivityOutboundInterceptor):
    """Remembers what the activity has told last by a heartbeat, in this attempt or the one before, to tell it again."""

    _told: Sequence[Any] = ()

    def begin(self) -> None:
        """Take over what the attempt before has left."""
        self._told = own_details()

    def tell(self) -> None:
        """Once more."""
        self.heartbeat(*self._told)

    def heartbeat(self, *details: Any) -> None:
        self._told = details
        super().heartbeat(*details)


class AttemptOutbound(Told):
    """Puts the history behind every heartbeat; `tell` sends it as it is now."""

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        self.history = AttemptHistory()

    def begin(self) -> None:
        super().begin()
        self.history = AttemptHistory.found()

    def heartbeat(self, *details: Any) -> None:
        self._told = details
        self.next.heartbeat(*details, {_NAME: self.history.model_dump()})


def own_details() -> list[Any]:
    """What an attempt before this one has told by `activity.heartbeat`, without its history."""
    return [detail for detail in activity.info().heartbeat_details if not _is_history(detail)]


def _is_history(detail: Any) -> bool:
    return isinstance(detail, dict) and _NAME in detail
