"""One trace of an upload, whole: from the request that brought the file to each run of ffmpeg, over all processes."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.gilfoyle_server import ONE_RUNG, Server, up, wait_for
from tests.sources import numbered

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]


@dataclass
class Collector:
    """What an OpenTelemetry collector is to us: it takes spans by OTLP over HTTP."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        about["service.name"],
                        each.name,
                        each.trace_id.hex(),
                        each.span_id.hex(),
                        each.parent_span_id.hex(),
                        {item.key: item.value.string_value or item.value.int_value for item in each.attributes},
                    )
                    for each in scope.spans
                ]

    def of(self, trace: str) -> list[Span]:
        return [span for span in self.spans if span.trace == trace]


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def traced() -> Iterator[tuple[Server, Collector]]:
    """A short path: PostgreSQL's socket lies below it."""
    with (
        collecting() as collector,
        TemporaryDirectory(prefix="gft-", ignore_cleanup_errors=True) as folder,
        up(Path(folder), **ONE_RUNG, GILFOYLE_TRACES__ENDPOINT=collector.url) as server,
    ):
        yield server, collector


def test_an_upload_is_one_trace(traced: tuple[Server, Collector], tmp_path: Path) -> None:
    server, collector = traced
    film = numbered(tmp_path / "film.mp4", "30", 300, size=(640, 360))
    media_id = server.create()
    with film.open("rb") as data:
        answer = server.http.put(
            f"/v1/medias/{media_id}/source", content=data.read(), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
        )
    assert answer.status_code < 300, answer.text
    media = server.wait(media_id)
    assert media["status"] == "Ready"
    wait_for(lambda: any(each.name == "CompleteWorkflow:ProcessMedia" for each in collector.of(TRACE)), 30)
    time.sleep(6)  # the batches of the other processes

    spans = {each.id: each for each in collector.of(TRACE)}
    names = [each.name for each in spans.values()]
    assert {each.service for each in spans.values()} == {"gilfoyle-api", "gilfoyle-worker"}
    for wanted in ("RunWorkflow:ProcessMedia", "RunActivity:probe", "RunActivity:encode_video", "RunActivity:package"):
        assert wanted in names, names
    (request,) = [each for each in spans.values() if each.name == "PUT /v1/medias/{media_id}/source"]
    assert request.parent == PARENT and request.attributes["http.response.status_code"] == answer.status_code
    encoders = [each for each in spans.values() if each.name == "ffmpeg"]
    assert len(encoders) >= 2 and "ffprobe" in names
    for each in spans.values():
        walked = each
        while walked.parent != PARENT:
            walked = spans[walked.parent]  # nothing hangs in the air
        assert walked is request
    passes = [spans[each.parent] for each in encoders]
    assert {each.name for each in passes} >= {"RunActivity:encode_video", "RunActivity:encode_audio"}
    assert {each.attributes["gilfoyle.media_id"] for each in [request, *passes]} == {media_id}
    assert all(media_id in each.attributes["gilfoyle.workflow_id"] for each in passes)
    assert request.attributes["gilfoyle.request_id"] == answer.headers["x-request-id"]


def test_what_is_asked_for_all_the_time_is_not_traced(traced: tuple[Server, Collector]) -> None:
    server, collector = traced
    for path in ("/healthz", "/readyz", "/metricsz", "/stream/nothing"):
        server.http.get(path)
    server.http.get("/v1/medias")
    wait_for(lambda: any(each.name == "GET /v1/medias" for each in collector.spans), 30)
    assert not [each.name for each in collector.spans if "z" in each.name.partition("/")[2] or "stream" in each.name]
