"""Where each activity runs, how long it may take and how it is retried.

Task queues are scaled each on its own, so that light steps never wait behind encodes: `{prefix}-pipeline` has the
workflows and the catalog's updates, `{prefix}-io` store, probe, package and cleanup, `{prefix}-transcode` ffmpeg. A
transcode worker also takes passes from `{prefix}-first`, with slots of their own: nothing there takes more than
seconds, so what makes a media playable never waits until a long pass ends. And it takes what is to be verified, one
media at a time, from `{prefix}-verify`: hours of decoding, which no encode may wait for. Workers of the pipeline also
send to webhooks (`{prefix}-webhooks`), whose receivers may be slow, and workers of the storage fetch files from URLs
(`{prefix}-import`), whose servers may be. Passes that need what not each
worker has (a card, media/policy.CAPABILITIES) have queues of their own, long and short: `{prefix}-transcode-nvenc` and
`{prefix}-first-nvenc`.
Hopeless errors fail at once (temporal/translate.py); others are retried for as long as it takes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from gilfoyle.media.plan import Pass, Plan
    from gilfoyle.media.policy import CAPABILITIES

PIPELINE, IO, TRANSCODE = "pipeline", "io", "transcode"
QUEUES = (PIPELINE, IO, TRANSCODE)
"""The queues for which every installation needs a worker.

PIPELINE includes WEBHOOKS, IO includes IMPORT, TRANSCODE includes FIRST and VERIFY.
"""
FIRST = "first"
VERIFY = "verify"
WEBHOOKS = "webhooks"
IMPORT = "import"
SPECIAL_QUEUES = {f"{TRANSCODE}-{capability}": capability for capability in CAPABILITIES}
"""Further queues, with the capability that a worker needs for them; each includes its own FIRST."""

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
"""The priority of work on a whole storage: what makes a media playable goes first on the io queue."""

# How much slower than real time one rendition may be encoded before the attempt is given up.
_SLOWEST = 30
_START = 300


def queue_name(prefix: str, queue: str) -> str:
    """The task queue's name at the server."""
    return f"{prefix}-{queue}"


def pass_queue(queue: str, capability: str) -> str:
    """FIRST or TRANSCODE for workers with that capability; empty: for all others."""
    return f"{queue}-{capability}" if capability else queue


def queue_of(chunk: Pass, plan: Plan) -> str:
    """The queue of a pass, without the prefix."""
    return pass_queue(FIRST if chunk.short else TRANSCODE, plan.capability(chunk))


def catalog(limit: timedelta = timedelta(seconds=30)) -> dict[str, Any]:
    """Options for a catalog update: mostly a transaction of milliseconds."""
    return _options(PIPELINE, limit)


def turn() -> dict[str, Any]:
    """Options for a moment's pause: if its worker dies, another one gets it soon."""
    return _options(PIPELINE, timedelta(seconds=5))


def io(limit: timedelta = timedelta(minutes=5)) -> dict[str, Any]:
    """Options for a step that reads or writes the storage. Its worker beats for it, so that a dead one is noticed."""
    return _options(IO, limit) | {"heartbeat_timeout": _IO_SILENCE}


def transcode(
    media_s: float, renditions: int, heartbeat_s: float, *, short: bool, capability: str = ""
) -> dict[str, Any]:
    """Options for a pass over `media_s` seconds of media into so many renditions, on workers with that capability.

    Cancelling it waits until ffmpeg is gone; a worker that is silent for `heartbeat_s` seconds is taken for dead.
    """
    queue = pass_queue(FIRST if short else TRANSCODE, capability)
    return _options(queue, timedelta(seconds=_START + media_s * renditions * _SLOWEST)) | {
        "heartbeat_timeout": timedelta(seconds=heartbeat_s),
        "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }


def webhook() -> dict[str, Any]:
    """Options for sending to a receiver of events, who may be slow. Its worker beats for it."""
    return _options(WEBHOOKS, timedelta(minutes=10)) | {"heartbeat_timeout": _IO_SILENCE}


def importing(limit: timedelta = timedelta(minutes=5)) -> dict[str, Any]:
    """Options for fetching a file from a server, which may take up to `limit`. Its worker beats for it.

    A while longer: who fetches notices itself that the time is up, and says so.
    """
    return _options(IMPORT, limit + timedelta(minutes=5)) | {"heartbeat_timeout": _IO_SILENCE}


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
