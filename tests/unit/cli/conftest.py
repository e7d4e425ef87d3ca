"""A stand-in server: real HTTP on a real port, with answers that a test decides."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

ID = "0b5e3a52-7d0c-4c54-9c3e-0f1f6f1b9a11"


def rendition(name: str = "360p", **changes: Any) -> dict[str, Any]:
    """A rendition as the API gives it."""
    return {
        "name": name, "kind": "video", "status": "Encoding", "width": 640, "height": 360, "frame_rate": 30.0,
        "channels": None, "codecs": "avc1.64001e", "segments": 4, "stored_segments": 1, "stored_bytes": 1_500_000,
        "progress": 0.25, "bandwidth": 800_000, "average_bandwidth": 600_000, "error": None, **changes,
    }  # fmt: skip


def media(status: str = "Processing", **changes: Any) -> dict[str, Any]:
    """A media as the API gives it."""
    playable = changes.get("playable", status == "Ready")
    return {
        "id": ID, "title": "Film", "description": "", "kind": "video", "status": status, "playable": playable,
        "progress": 0.0, "duration_s": 62.0, "file_name": "film.mp4", "source_bytes": 3_400_000,
        "source_sha256": None, "probe": None, "error": None, "warnings": [], "created_at": "2026-11-24T12:00:00Z",
        "updated_at": "2026-11-24T12:00:00Z", "renditions": [],
        "stream_url": "http://media.example/stream/abc/master.m3u8" if playable else None,
        "watch_url": "http://media.example/watch/abc", **changes,
    }  # fmt: skip


@dataclass
class StandIn:
    """What the server answers, and what it was asked."""

    url: str = ""
    states: list[Any] = field(default_factory=lambda: [media("Ready")])
    """Answers to GET /v1/medias/{id}, one after another; the last repeats. A number is an error status."""
    upload_answer: tuple[int, Any] = (202, media())
    raw: tuple[int, bytes] | None = None
    """If set, the answer to everything."""
    asked: list[str] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    deletes_refused: int = 0
    uploading: threading.Event = field(default_factory=threading.Event)
    """Set when the first bytes of an upload are there."""
    slow: bool = False
    """Read uploads so slowly that they never end."""

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if path.startswith("/v1/medias?"):
            return 200, {"code": "ok", "data": [media()], "metadata": {"total": 7, "offset": 0, "limit": 1}}
        if method == "POST" and path == "/v1/medias":
            return 201, media("AwaitingUpload")
        if method == "POST":
            return self.upload_answer
        if method == "DELETE":
            self.deletes_refused -= 1
            return (409, error("conflict", "It is being uploaded.")) if self.deletes_refused >= 0 else (204, None)
        if ID not in path:
            return 404, error("not_found", "There is no such media.")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return (state, error("unavailable", "Starting.")) if isinstance(state, int) else (200, state)


def error(code: str, message: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, **more}


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self._body(int(self.headers.get("Content-Length") or 0))
            stand_in.asked.append(f"{self.command} {self.path}")
            stand_in.bodies[f"{self.command} {self.path}"] = body
            stand_in.headers = {name.lower(): value for name, value in self.headers.items()}
            status, value = stand_in.raw or stand_in.answer(self.command, self.path)
            if isinstance(value, dict) and "code" not in value:
                value = {"code": "ok", "data": value, "metadata": {}}
            data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

        def _body(self, size: int) -> bytes:
            if "/upload/" not in self.path or not stand_in.slow:
                return self.rfile.read(size)
            stand_in.uploading.set()
            with contextlib.suppress(ConnectionError):
                while self.rfile.read(4096):
                    time.sleep(0.01)
            return b""

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[StandIn]:
    """A running StandIn."""
    stand_in = StandIn()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in))
    stand_in.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stand_in
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def samples() -> Any:
    """The makers of API answers, for tests: `samples.media(…)`, `samples.rendition(…)`, `samples.error(…)`."""

    class Samples:
        ID = ID

    Samples.media = staticmethod(media)  # type: ignore[attr-defined]
    Samples.rendition = staticmethod(rendition)  # type: ignore[attr-defined]
    Samples.error = staticmethod(error)  # type: ignore[attr-defined]
    return Samples
