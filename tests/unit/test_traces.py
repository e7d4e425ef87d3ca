"""Traces of one process: off unless there is an endpoint, capped, and never in the way."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from gilfoyle import traces
from gilfoyle.errors import StartupError

ABOVE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"


class Kept(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_without_an_endpoint_nothing_is_traced() -> None:
    with traces.sent("", "api", 10), traces.span("work") as span:
        assert span is None and traces.tracer is None
        traces.tell(media_id="m")


def test_spans_lie_in_each_other(kept: Kept) -> None:
    with traces.sent("http://collector:4318", "worker", 10, SimpleSpanProcessor(kept)):
        with traces.span("request", "server", {"traceparent": f"{ABOVE}01"}):
            traces.tell(media_id="m", workflow_id="")
            with traces.span("ffmpeg"):
                pass
        with traces.span("another"):
            pass
    inner, outer, another = kept.spans
    assert (inner.name, outer.name) == ("ffmpeg", "request")
    assert inner.parent and inner.parent.span_id == outer.context.span_id
    assert outer.parent and f"{outer.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert another.parent is None and another.context.trace_id != outer.context.trace_id
    assert outer.context.trace_id == 0x4BF92F3577B34DA6A3CE929D0E0E4736
    assert outer.attributes == {"gilfoyle.media_id": "m"}
    assert outer.resource.attributes["service.name"] == "gilfoyle-worker"


def test_of_a_trace_the_first_spans_are_sent_and_its_end(kept: Kept) -> None:
    with traces.sent("http://collector:4318", "worker", 3, SimpleSpanProcessor(kept)):
        with traces.span("RunWorkflow"):
            for number in range(5):
                with traces.span(f"pass {number}"), traces.span(f"ffmpeg {number}"):
                    pass
            with traces.span("CompleteWorkflow:ProcessMedia"):
                pass
        with traces.span("of another"):
            pass
    names = {each.name for each in kept.spans}
    assert names == {"RunWorkflow", "pass 0", "ffmpeg 0", "CompleteWorkflow:ProcessMedia", "of another"}


def test_what_lies_below_what_was_left_out_is_left_out(kept: Kept) -> None:
    with (
        traces.sent("http://collector:4318", "worker", 10, SimpleSpanProcessor(kept)),
        traces.span("pass", carrier={"traceparent": f"{ABOVE}00"}),
        traces.span("ffmpeg"),
    ):
        pass
    assert kept.spans == []


def test_what_goes_wrong_is_told_and_raised(kept: Kept) -> None:
    with (
        pytest.raises(ValueError, match="broken"),
        traces.sent("http://collector:4318", "worker", 10, SimpleSpanProcessor(kept)),
        traces.span("work"),
    ):
        raise ValueError("broken")
    assert kept.spans[0].status.description == "ValueError: broken"
    assert traces.tracer is None


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(StartupError, match=r"pip install 'gilfoyle-media\[traces\]'"),
        traces.sent("http://collector:4318", "api", 1),
    ):
        pass
