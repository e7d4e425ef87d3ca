"""What Temporal's SDK measures, beside what Gilfoyle does: both are read on one port.

The SDK's core counts in a runtime of its own and answers on an address. That is a port of loopback that only this
process knows; whoever asks for the metrics of the process gets what is there, too.
"""

from __future__ import annotations

import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from gilfoyle.config import MetricSettings
from gilfoyle.metrics.instruments import REGISTRY, introduce
from gilfoyle.metrics.server import MetricsServer

log = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
_TRIES = 3
_TIMEOUT_S = 2.0


@contextmanager
def exported(settings: MetricSettings, role: str) -> Iterator[None]:
    """Let Prometheus read this process until the end of the block, if that is wanted. `role`: what the process is.

    To be called once in a process, before anything connects to Temporal.
    """
    introduce(role)
    with ExitStack() as stack:
        if settings.enabled:
            _measure_sdk()
            stack.enter_context(MetricsServer(settings.host, settings.port))
        yield


def _measure_sdk() -> None:
    for _ in range(_TRIES):
        port = _free_port()  # that another process may take before the SDK does
        config = PrometheusConfig(
            f"{_LOOPBACK}:{port}", counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
        try:
            runtime = Runtime(telemetry=TelemetryConfig(metrics=config))
        except (RuntimeError, ValueError) as error:
            log.debug("no port for the SDK's metrics: %s", error)
            continue
        Runtime.set_default(runtime, error_if_already_set=False)
        REGISTRY.register(_Sdk(port))
        return
    log.warning("The metrics of Temporal's SDK can't be had: no port of %s is free for them.", _LOOPBACK)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind((_LOOPBACK, 0))
        port: int = bound.getsockname()[1]
        return port


class _Sdk(Collector):
    """`temporal_…`, as the SDK tells it; nothing while it does not answer."""

    def __init__(self, port: int) -> None:
        self._port = port

    def describe(self) -> Iterator[Metric]:
        """Nothing: its names are the SDK's own."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Called by a thread that answers Prometheus."""
        connection = http.client.HTTPConnection(_LOOPBACK, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()
        yield from text_string_to_metric_families(text)
