"""Where each activity runs, how long it may take and how it is retried.

Task queues are scaled each on its own, so that light steps never wait behind encodes: `{prefix}-pipeline` has the
workflows and the catalog's updates, `{prefix}-io` store, probe, package and cleanup, `{prefix}-transcode` ffmpeg. A
transcode worker also takes passes from `{prefix}-first`, with slots of their own: nothing there takes more than
seconds, so what makes a media playable never waits until a long pass ends. And it takes what is to be verified, one
media at a time, from `{prefix}-verify`: hours of decoding, which no encode may wait for.
What can't work fails at once (temporal/translate.py); what may work later is retried for as long as it takes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

PIPELINE, IO, TRANSCODE = "pipeline", "io", "transcode"
QUEUES = (PIPELINE, IO, TRANSCODE)
"""What a worker can be started for; TRANSCODE includes FIRST and VERIFY."""
FIRST = "first"
VERIFY = "verify"

# A catalog or a storage that is down for a night comes back; the media then goes on.
_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=0.5), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)

_IO_SILENCE = timedelta(seconds=20)

# What was begun goes first on the io queue, or of many uploads at once none would play before all are probed. Without
# one, a step has 3.
PUBLISHING = Priority(priority_key=1)
PROBING = Priority(priority_key=2)
LAST = Priority(priority_key=5)
"""For work on a whole storage: what makes a media playable goes first on the io queue."""

# How much slower than real time one rendition may be encoded before the attempt is given up.
_SLOWEST = 30
_START = 300


def queue_name(prefix: str, queue: str) -> str:
    """The task queue's name at the server."""
    return f"{prefix}-{queue}"


def catalog() -> dict[str, Any]:
    """Options for a catalog update: a transaction of milliseconds."""
    return _options(PIPELINE, timedelta(seconds=30))


def turn() -> dict[str, Any]:
    """Options for a moment's pause: one that a dead worker took along is soon given to another."""
    return _options(PIPELINE, timedelta(seconds=5))


def io(limit: timedelta = timedelta(minutes=5)) -> dict[str, Any]:
    """Options for a step that reads or writes the storage. Its worker beats for it, so that a dead one is noticed."""
    return _options(IO, limit) | {"heartbeat_timeout": _IO_SILENCE}


def transcode(media_s: float, renditions: int, heartbeat_s: float, *, short: bool) -> dict[str, Any]:
    """Options for a pass over `media_s` seconds of media into so many renditions.

    Cancelling it waits until ffmpeg is gone; a worker that is silent for `heartbeat_s` seconds is taken for dead.
    """
    return _options(FIRST if short else TRANSCODE, timedelta(seconds=_START + media_s * renditions * _SLOWEST)) | {
        "heartbeat_timeout": timedelta(seconds=heartbeat_s),
        "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }


def verify(media_s: float, renditions: int) -> dict[str, Any]:
    """Options for decoding `media_s` seconds of a source and of so many renditions. Its worker beats for it."""
    return _options(VERIFY, timedelta(seconds=_START + media_s * (renditions + 1) * _SLOWEST)) | {
        "heartbeat_timeout": _IO_SILENCE,
        "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }


def _options(queue: str, start_to_close: timedelta) -> dict[str, Any]:
    prefix = workflow.info().task_queue.rpartition("-")[0]
    return {
        "task_queue": queue_name(prefix, queue),
        "start_to_close_timeout": start_to_close,
        "retry_policy": _PATIENT,
    }
