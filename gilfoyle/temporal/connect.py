"""The connection to Temporal, the same for the API and the workers."""

from __future__ import annotations

from temporalio.client import Client, Interceptor
from temporalio.service import RetryConfig

from gilfoyle import traces
from gilfoyle.config import TemporalSettings
from gilfoyle.errors import Unavailable
from gilfoyle.temporal.encryption import data_converter

# A client of the API waits for the answer; a worker has all the time there is.
_API_RETRIES = RetryConfig(max_elapsed_time_millis=4000)


def _tracing() -> list[Interceptor]:
    """What makes a workflow part of the trace of its request, for the client and for workers that use it."""
    if traces.tracer is None:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor(traces.tracer)]


async def connect(settings: TemporalSettings, *, lazy: bool = False, identity: str | None = None) -> Client:
    """Raises Unavailable if nothing answers at the address.

    `identity`: what Temporal calls this client; None: by its process and host.
    With `lazy`, it connects when first used and gives up soon: the API starts, and says why it isn't ready, without
    Temporal.
    """
    try:
        return await Client.connect(
            settings.address,
            namespace=settings.namespace,
            data_converter=data_converter(settings.key_ring()),
            api_key=settings.api_key.get_secret_value() or None,
            tls=settings.tls or bool(settings.api_key),
            retry_config=_API_RETRIES if lazy else None,
            lazy=lazy,
            identity=identity,
            interceptors=_tracing(),
        )
    except RuntimeError as error:
        raise Unavailable(f"Temporal can't be reached at {settings.address}.") from error
