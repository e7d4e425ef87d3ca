"""What the log says of a media's life: a line when it is uploaded, playable, ready or errored, with its figures.

Told once a change is committed, by whichever process has made it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from gilfoyle.catalog.outbox import EventType, Happening
from gilfoyle.metrics.instruments import TIME_TO_PLAYABLE, TIME_TO_READY

log = logging.getLogger(__name__)


def tell(happenings: Iterable[Happening]) -> None:
    """A line for each that matters to whoever runs it, and what Prometheus is told of it."""
    for each in happenings:
        if (took := _TIMES.get(each.type)) and (elapsed_s := each.figures.get("elapsed_s")) is not None:
            took.observe(elapsed_s)
        if say := _LINES.get(each.type):
            level = logging.WARNING if each.type in _BAD else logging.INFO
            known = {name: value for name, value in each.figures.items() if value is not None}
            log.log(
                level, "media %s %s", each.media_id, say(each), extra={"media_id": str(each.media_id), "figures": known}
            )


def _uploaded(happening: Happening) -> str:
    return f"is uploaded: {happening.data.get('source_bytes') or 0:,} bytes"


def _playable(happening: Happening) -> str:
    return f"is playable{_after(happening)}"


def _ready(happening: Happening) -> str:
    elapsed, duration = happening.figures.get("elapsed_s"), happening.figures.get("duration_s")
    if not elapsed or not duration:
        return "is ready"
    return f"is ready{_after(happening)}: {duration:.1f} s long, {duration / elapsed:.1f} times as fast as it plays"


def _replaced(happening: Happening) -> str:
    return f"plays version {happening.data['version']}{_after(happening)}"


def _errored(happening: Happening) -> str:
    error = happening.data["error"]
    return f"is errored{_after(happening)}: {error['code']}: {error['message']}"


def _not_replaced(happening: Happening) -> str:
    error = happening.data["error"]
    return f"is not replaced: {error['code']}: {error['message']}"


def _after(happening: Happening) -> str:
    elapsed = happening.figures.get("elapsed_s")
    return "" if elapsed is None else f" after {elapsed:.1f} s"


_LINES: dict[EventType, Callable[[Happening], str]] = {
    EventType.MEDIA_UPLOADED: _uploaded,
    EventType.MEDIA_PLAYABLE: _playable,
    EventType.MEDIA_READY: _ready,
    EventType.MEDIA_REPLACED: _replaced,
    EventType.MEDIA_ERRORED: _errored,
    EventType.REPLACEMENT_ERRORED: _not_replaced,
    EventType.MEDIA_DELETED: lambda _: "is being deleted",
}
_TIMES = {EventType.MEDIA_PLAYABLE: TIME_TO_PLAYABLE, EventType.MEDIA_READY: TIME_TO_READY}
_BAD = {EventType.MEDIA_ERRORED, EventType.REPLACEMENT_ERRORED}
