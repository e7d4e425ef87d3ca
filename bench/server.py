"""A `gilfoyle up` of the benchmark's own: embedded servers, free ports, a folder that goes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gilfoyle.config import Settings, load
from gilfoyle.errors import StartupError

_READY_S = 120.0
_STOP_S = 60.0


@dataclass(frozen=True)
class Server:
    """One that runs. `pid` is that of `gilfoyle up`, the parent of everything."""

    url: str
    pid: int
    environment: dict[str, str]
    """With which another worker joins it: the settings of this run, and where its servers are."""

    @property
    def settings(self) -> Settings:
        """The settings that its workers have, with the servers' real addresses."""
        return load(None, self.environment)


@contextmanager
def running(changes: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> Iterator[Server]:
    """Start it, and stop it at the end of the block. `changes`: settings, as environment variables.

    `before`: a command that runs it, and leaves it its process id.

    Raises StartupError.
    """
    with tempfile.TemporaryDirectory(prefix="gfb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # PostgreSQL has an account of its own when root runs this, and must reach its folder.
        folder.chmod(0o755)
        ready, log = folder / "ready.json", folder / "up.log"
        options = ["--data", str(folder / "data"), "--api-port", "0", "--ui-port", "0", "--ready-file", str(ready)]
        own = {**environment(os.environ), **(changes or {})}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "gilfoyle", "up", *options],
                env=own,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            yield _server(own, _wait(process, ready, log), process.pid)
        finally:
            _stop(process)


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Settings of the user's, except where data go: a benchmark leaves real catalogs and storages alone."""
    defaults = Settings()
    return {
        **inherited,
        "GILFOYLE_DATABASE__URL": defaults.database.url,
        "GILFOYLE_TEMPORAL__ADDRESS": defaults.temporal.address,
        "GILFOYLE_STORAGE__DRIVER": defaults.storage.driver,
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": str(defaults.storage.filesystem.path),
    }


def _server(own: Mapping[str, str], addresses: Mapping[str, str], pid: int) -> Server:
    joined = {
        **own,
        "GILFOYLE_DATABASE__URL": addresses["database_url"],
        "GILFOYLE_TEMPORAL__ADDRESS": addresses["temporal_address"],
        "GILFOYLE_STORAGE__FILESYSTEM__PATH": str(Path(addresses["data"]) / "media"),
    }
    return Server(addresses["api"], pid, joined)


def _wait(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, str]:
    deadline = time.monotonic() + _READY_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines() or ["It said nothing."]
            raise StartupError(f"`gilfoyle up` did not start: {said[-1]}")
        time.sleep(0.1)
    found: dict[str, str] = json.loads(ready.read_text())
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
