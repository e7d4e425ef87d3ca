"""An API process of its own whose medias nobody encodes, so that nothing but uploads takes its time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bench.server import Server
from bench.servers.ports import free_ports
from gilfoyle.errors import StartupError

_START_S = 60
_EVERY_S = 0.01


@dataclass(frozen=True)
class Api:
    """One that runs. `media` is the folder in which sources lie."""

    url: str
    pid: int
    media: Path
    http: httpx.Client

    def order(self) -> str:
        """The URL of a new upload."""
        answer = self.http.post("/v1/uploads", json={}).raise_for_status()
        return str(answer.json()["data"]["url"])

    def clear(self) -> None:
        """Make room: what was uploaded is not needed any more."""
        for source in self.media.glob("*/source"):
            source.unlink()


@contextmanager
def serving(up: Server) -> Iterator[Api]:
    """It uses the servers of `up`, and a task queue on which nobody works. Raises StartupError."""
    (port,) = free_ports(1)
    own = {"GILFOYLE_SERVER__PORT": str(port), "GILFOYLE_TEMPORAL__QUEUE_PREFIX": "bench-uploads"}
    command = [sys.executable, "-m", "gilfoyle", "api"]
    process = subprocess.Popen(command, env={**up.environment, **own}, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            _wait(process, http)
            yield Api(url, process.pid, up.settings.storage.filesystem.path, http)
    finally:
        process.terminate()
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], http: httpx.Client) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            if http.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise StartupError("`gilfoyle api` did not start beside `gilfoyle up`.")
        time.sleep(0.1)


@dataclass
class Peak:
    """The most memory that a process has (RSS, in MB), while this is entered."""

    pid: int
    mb: float = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Peak:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        assert self._thread is not None
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process(self.pid)
        while not self._ended.wait(_EVERY_S):
            self.mb = max(self.mb, round(process.memory_info().rss / 1e6, 1))
