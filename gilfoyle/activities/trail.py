"""What the attempts of an activity before this one came to. Temporal counts attempts; which of them count is ours.

A trail lies behind what the activity tells by heartbeats: Temporal hands that to the next attempt, on any worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from temporalio import activity
from temporalio.worker import ActivityOutboundInterceptor

_NAME = "attempts"


class Trail(BaseModel):
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
    def found(cls) -> Trail:
        """What the attempt before has left; empty for a first attempt."""
        left = [detail[_NAME] for detail in activity.info().heartbeat_details if _is_trail(detail)]
        return cls.model_validate(left[-1]) if left else cls()


class TrailOutbound(ActivityOutboundInterceptor):
    """Puts the trail behind every heartbeat."""

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        self.trail = Trail()
        self._told: Sequence[Any] = ()

    def begin(self) -> None:
        """Take over what the attempt before has left."""
        self.trail, self._told = Trail.found(), own_details()

    def tell(self) -> None:
        """Send the trail as it is now, behind what the activity has told last."""
        self.heartbeat(*self._told)

    def heartbeat(self, *details: Any) -> None:
        self._told = _own(details)
        super().heartbeat(*self._told, {_NAME: self.trail.model_dump()})


def own_details() -> list[Any]:
    """What an attempt before this one has told by `activity.heartbeat`, without its trail."""
    return _own(activity.info().heartbeat_details)


def _own(details: Sequence[Any]) -> list[Any]:
    return [detail for detail in details if not _is_trail(detail)]


def _is_trail(detail: Any) -> bool:
    return isinstance(detail, dict) and _NAME in detail
