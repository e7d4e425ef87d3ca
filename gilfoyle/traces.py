"""Where the time of an upload goes: one trace, from the request to each run of ffmpeg, for an OpenTelemetry collector.

As the logger and the metrics are, the tracer is of the process. Nothing is traced, and nothing of OpenTelemetry is
imported, unless `sent` is given an endpoint; so `span` costs a comparison.
"""

from __future__ import annotations

import importlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from gilfoyle.errors import StartupError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

_PATH = "/v1/traces"  # OTLP/HTTP, opentelemetry.io/docs/specs/otlp
_REMEMBERED = 1000
# Without their end traces would look as if they went on. Of each workflow there is one.
_ALWAYS = "CompleteWorkflow"

tracer: Tracer | None = None
"""Of this process, while its traces are sent."""


@contextmanager
def sent(endpoint: str, role: str, most_spans: int, processor: SpanProcessor | None = None) -> Iterator[None]:
    """Send what this process traces to the collector at `endpoint`, a base URL, until the end of the block.

    Nothing, if that is empty. `role`: what the process is. `most_spans`: how many of one trace this process sends.
    `processor`: takes them instead of a collector. Raises StartupError if the packages for it are not installed.
    """
    global tracer
    if not endpoint:
        yield
        return
    try:
        sdk, resources = (importlib.import_module(f"opentelemetry.sdk.{name}") for name in ("trace", "resources"))
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise StartupError(
            "Traces need packages that are not installed: run `pip install 'gilfoyle-media[traces]'`, or leave "
            "traces.endpoint empty."
        ) from error
    url = endpoint if endpoint.endswith(_PATH) else f"{endpoint.rstrip('/')}{_PATH}"
    provider = sdk.TracerProvider(
        resource=resources.Resource.create({"service.name": f"gilfoyle-{role}"}),
        sampler=_sampler(most_spans),
    )
    provider.add_span_processor(processor or export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=url)))
    tracer = provider.get_tracer("gilfoyle")
    try:
        yield
    finally:
        tracer = None
        provider.shutdown()


@contextmanager
def span(
    name: str, kind: Literal["server", "internal"] = "internal", carrier: Mapping[str, str] | None = None
) -> Iterator[Span | None]:
    """What the block does, as part of what is being done, or of what the headers in `carrier` tell (W3C Trace Context).

    None if nothing is traced. An exception that leaves the block is told, and raised.
    """
    if tracer is None:
        yield None
        return
    from opentelemetry import propagate, trace

    context = propagate.extract(carrier) if carrier is not None else None
    with tracer.start_as_current_span(name, context, kind=trace.SpanKind[kind.upper()]) as found:
        yield found


def tell(**attributes: str) -> None:
    """Say of what is being done what it is about; what is empty is left out."""
    if tracer is not None:
        from opentelemetry import trace

        trace.get_current_span().set_attributes({f"gilfoyle.{name}": said for name, said in attributes.items() if said})


def _sampler(most_spans: int) -> Any:
    from opentelemetry import trace
    from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

    class Capped(Sampler):
        """All traces, and of each the first spans: a film of 12 hours has 3,000 passes, and each of them several.

        What is below a span that was left out is left out, too, in whatever process.
        """

        def __init__(self) -> None:
            self._counts: OrderedDict[int, int] = OrderedDict()
            self._lock = threading.Lock()

        def should_sample(
            self, parent_context: Any, trace_id: int, name: str, *_given: Any, **_named: Any
        ) -> SamplingResult:
            parent = trace.get_current_span(parent_context).get_span_context()
            if parent.is_valid and not parent.trace_flags.sampled:
                return SamplingResult(Decision.DROP, trace_state=parent.trace_state)
            count = self._counted(trace_id)
            kept = count <= most_spans or name.startswith(_ALWAYS)
            decision = Decision.RECORD_AND_SAMPLE if kept else Decision.DROP
            return SamplingResult(decision, trace_state=parent.trace_state if parent.is_valid else None)

        def get_description(self) -> str:
            return f"the first {most_spans} spans of each trace"

        def _counted(self, trace_id: int) -> int:
            with self._lock:
                self._counts[trace_id] = count = self._counts.get(trace_id, 0) + 1
                self._counts.move_to_end(trace_id)
                if len(self._counts) > _REMEMBERED:
                    self._counts.popitem(last=False)
                return count

    return Capped()
