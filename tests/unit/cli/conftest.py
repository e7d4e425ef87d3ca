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
UPLOAD = "hIv2bXpe0bq5cN0zK2n5Ng"


def rendition(name: str = "360p", **changes: Any) -> dict[str, Any]:
    """A rendition as the API gives it."""
    return {
        "name": name, "kind": "video", "track": "video", "status": "Encoding", "width": 640,
        "height": 360, "frame_rate": 30.0,
        "channels": None, "codecs": "avc1.64001e", "segments": 4, "stored_segments": 1, "stored_bytes": 1_500_000,
        "progress": 0.25, "bandwidth": 800_000, "average_bandwidth": 600_000, "error": None, **changes,
    }  # fmt: skip


def media(status: str = "Processing", **changes: Any) -> dict[str, Any]:
    """A media as the API gives it."""
    playable = changes.get("playable", status == "Ready")
    return {
        "id": ID, "project": "default", "title": "Film", "description": "", "external_id": None, "metadata": {},
        "tags": [], "expires_at": None, "encoding": None, "source_deleted_at": None, "storage": "filesystem",
        "cid": None, "playback_ids": ["abc"], "playback": [{"id": "abc", "policy": "public"}], "tracks": [],
        "kind": "video", "status": status, "playable": playable,
        "version": 1, "replacement": None,
        "progress": 0.0, "duration_s": 62.0, "file_name": "film.mp4", "source_bytes": 3_400_000,
        "source_sha256": None, "probe": None, "error": None, "warnings": [], "created_at": "2026-11-24T12:00:00Z",
        "updated_at": "2026-11-24T12:00:00Z", "renditions": [],
        "stream_url": "http://media.example/stream/abc/master.m3u8" if playable else None,
        "watch_url": "http://media.example/watch/abc", **changes,
    }  # fmt: skip


def upload(**changes: Any) -> dict[str, Any]:
    """An upload as the API gives it."""
    return {
        "id": UPLOAD, "status": "asset_created", "url": f"http://media.example/v1/uploads/{UPLOAD}?token=t",
        "project": "default", "media_id": ID, "replace": False, "partial": False, "kind": None, "length": None,
        "file_name": None, "media_type": None, "max_bytes": None, "max_duration_s": None, "cors_origin": None,
        "expires_at": "2030-01-01T00:00:00Z", "error": None, "created_at": "2026-11-24T12:00:00Z",
        "updated_at": "2026-11-24T12:00:00Z", **changes,
    }  # fmt: skip


@dataclass
class StandIn:
    """What the server answers, and what it was asked."""

    url: str = ""
    states: list[Any] = field(default_factory=lambda: [media("Ready")])
    """Answers to GET /v1/medias/{id}, one after another; the last repeats. A number is an error status."""
    retry_answer: tuple[int, Any] = (202, media())
    upload_answers: list[tuple[int, Any]] = field(default_factory=lambda: [(204, None)])
    """Answers to parts of an upload, one after another; the last repeats."""
    arrived: list[tuple[int, int]] = field(default_factory=lambda: [(200, 0)])
    """Answers to what has arrived: status, offset; the last repeats."""
    upload: dict[str, Any] = field(default_factory=upload)
    create_answer: tuple[int, Any] | None = None
    """If set, the answer to the order of an upload."""
    raw: tuple[int, bytes] | None = None
    """If set, the answer to everything."""
    asked: list[str] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    uploaded_from: str = ""
    """At which byte the last part began."""
    deletes_refused: int = 0
    uploading: threading.Event = field(default_factory=threading.Event)
    """Set when the first bytes of an upload are there."""
    slow: bool = False
    """Read uploads so slowly that they never end."""

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if path.startswith("/v1/medias?"):
            number = int(path.partition("cursor=")[2] or 0) + 1
            metadata = {"offset": 0, "limit": 1, "next_cursor": str(number) if number < 7 else None}
            return 200, {"code": "ok", "data": [media()], "metadata": metadata}
        if method == "POST" and path == "/v1/uploads":
            return self.create_answer or (201, self.upload | {"status": "waiting", "media_id": None})
        if method == "POST":
            return self.retry_answer
        if method == "GET" and path.startswith("/v1/uploads/"):
            return 200, self.upload
        if method == "PATCH":
            return self.upload_answers.pop(0) if len(self.upload_answers) > 1 else self.upload_answers[0]
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
            if self.command == "PATCH":
                stand_in.uploaded_from = self.headers["Upload-Offset"]
            status, value = stand_in.raw or stand_in.answer(self.command, self.path)
            there = int(self.headers.get("Upload-Offset") or 0) + len(body)
            if isinstance(value, dict) and "code" not in value:
                value = {"code": "ok", "data": value, "metadata": {}}
            data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            elif self.command == "PATCH":
                self.send_header("Upload-Offset", str(there))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

        def _body(self, size: int) -> bytes:
            if self.command != "PATCH" or not stand_in.slow:
                return self.rfile.read(size)
            stand_in.uploading.set()
            with contextlib.suppress(ConnectionError):
                while self.rfile.read(4096):
                    time.sleep(0.01)
            return b""

        def do_HEAD(self) -> None:
            stand_in.asked.append(f"{self.command} {self.path}")
            answers = stand_in.arrived
            status, offset = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            if status == 200:
                self.send_header("Upload-Offset", str(offset))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

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
