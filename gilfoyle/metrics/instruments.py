"""Every metric that is counted or timed where it happens, and the registry that holds them."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from gilfoyle import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, which says when the process began

REGISTRY = CollectorRegistry()
"""All that this process exports."""
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

# Up to the time that a long upload or a whole film takes.
_OF_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_OF_STORAGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_OF_WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_OF_MEDIAS = (0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200)
_OF_SPEEDS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 12, 20, 40, 80)

BUILD_INFO = Gauge(
    "gilfoyle_build_info", "1; which version this process is, and of what kind", ("version", "role"), registry=REGISTRY
)
HTTP_REQUEST_DURATION = Histogram(
    "gilfoyle_http_request_duration_seconds",
    "Time until an answer was sent whole",
    ("method", "route", "status"),
    buckets=_OF_REQUESTS,
    registry=REGISTRY,
)
BYTES = Counter(
    "gilfoyle_bytes",
    "Bytes of bodies: in, from clients and from servers of imports; out, to clients",
    ("direction",),
    registry=REGISTRY,
)
TIME_TO_PLAYABLE = Histogram(
    "gilfoyle_time_to_playable_seconds",
    "Time from an accepted upload until its media plays",
    buckets=_OF_MEDIAS,
    registry=REGISTRY,
)
TIME_TO_READY = Histogram(
    "gilfoyle_time_to_ready_seconds",
    "Time from an accepted upload until its media is encoded whole",
    buckets=_OF_MEDIAS,
    registry=REGISTRY,
)
PASS_WAIT = Histogram(
    "gilfoyle_pass_wait_seconds",
    "Time until a worker had a slot for a pass",
    ("queue",),
    buckets=_OF_WAITS,
    registry=REGISTRY,
)
PASS_FAILURES = Counter(
    "gilfoyle_pass_failures", "Attempts at a pass that failed", ("queue", "reason"), registry=REGISTRY
)
ENCODE_SPEED = Histogram(
    "gilfoyle_encode_speed_ratio",
    "Seconds of media that were encoded in a second, for each pass and rendition",
    ("codec", "rung"),
    buckets=_OF_SPEEDS,
    registry=REGISTRY,
)
ENCODED = Counter(
    "gilfoyle_encoded_seconds",
    "Seconds of renditions that passes encoded: stored, or lost with a pass that ended in the middle of a segment",
    ("fate",),
    registry=REGISTRY,
)
STORAGE_DURATION = Histogram(
    "gilfoyle_storage_operation_duration_seconds",
    "Time that the storage took, without that of a client who sends or receives meanwhile",
    ("driver", "op"),
    buckets=_OF_STORAGES,
    registry=REGISTRY,
)
STORAGE_ERRORS = Counter(
    "gilfoyle_storage_operation_errors",
    "Operations that the storage did not do; that there is no such object is an answer",
    ("driver", "op"),
    registry=REGISTRY,
)
FFMPEG_SANDBOX = Gauge(
    "gilfoyle_ffmpeg_sandbox",
    "1 for the state of the sandbox in which ffmpeg runs, else 0",
    ("state",),
    registry=REGISTRY,
)

DRAINING = Gauge(
    "gilfoyle_draining",
    "1: a worker that was asked to stop takes nothing new, and hands over what it has; else 0",
    registry=REGISTRY,
)

BYTES_IN, BYTES_OUT = BYTES.labels("in"), BYTES.labels("out")


def introduce(role: str) -> None:
    """Say what this process is: `api`, `worker`."""
    BUILD_INFO.labels(__version__, role).set(1)
