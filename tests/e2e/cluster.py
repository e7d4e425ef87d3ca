"""API and workers as processes of their own, against the databases of a `gilfoyle up`: how a cluster runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
import yaml

from tests.conftest import free_port
from tests.e2e.gilfoyle_server import Server, is_ready, wait_for
from tests.processes import heeding_signals

_WORKER = str(Path(__file__).parents[2] / "worker.py")
_STOP_S = 20


class Cluster:
    """Its storage is `folder / "media"`, its task queues begin with `prefix`, so the server's workers leave them alone.

    The API is there within `running`; workers are started and stopped by name.
    """

    def __init__(self, server: Server, folder: Path, prefix: str, **settings: dict[str, Any]) -> None:
        port = free_port()
        self._folder = folder
        self._config = folder / "config.yaml"
        self._config.write_text(
            yaml.safe_dump(
                {
                    "server": {"port": port},
                    "database": {"url": server.addresses["database_url"]},
                    "temporal": {"address": server.addresses["temporal_address"], "queue_prefix": prefix},
                    "storage": {"filesystem": {"path": str(folder / "media")}},
                    **settings,
                }
            )
        )
        self._addresses = {**server.addresses, "api": f"http://127.0.0.1:{port}", "data": str(folder)}
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    @contextmanager
    def running(self) -> Iterator[Server]:
        """What clients of it see. All that runs at the end of the block is stopped, and must end well."""
        with ExitStack() as parts:
            parts.callback(lambda: [self.stop(name) for name in [*self._workers]])
            api = self._run("-m", "gilfoyle", "api")
            parts.callback(_stop, api)
            http = parts.enter_context(httpx.Client(base_url=self._addresses["api"], timeout=30))
            wait_for(lambda: is_ready(http))
            yield Server(psutil.Process(), self._addresses, http)

    def start(self, name: str, *queues: str, **variables: str) -> None:
        """A worker for those queues; `variables` are of its environment alone."""
        words = [word for queue in queues for word in ("--queue", queue)]
        with self.log(name).open("ab") as log:
            self._workers[name] = self._run(_WORKER, *words, stderr=log, **variables)

    def log(self, name: str) -> Path:
        """What that worker says."""
        return self._folder / f"{name}.log"

    def stop(self, name: str) -> None:
        """SIGTERM, as whoever deploys does; waits until it has ended."""
        _stop(self._workers.pop(name))

    def _run(
        self, *command: str, stderr: int | IO[bytes] = subprocess.DEVNULL, **variables: str
    ) -> subprocess.Popen[bytes]:
        environment = os.environ | {"GILFOYLE_CONFIG": str(self._config)} | variables
        with heeding_signals():
            return subprocess.Popen([sys.executable, *command], env=environment, stderr=stderr)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        assert process.wait(_STOP_S) == 0
    finally:
        process.kill()
        process.wait()
