"""Workers that join a server of the benchmark's, beside those that it has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from gilfoyle.errors import EncodeFailed, StartupError
from gilfoyle.lifeline import READY_FD

_STOP_S = 30.0


@dataclass
class Joined:
    """One that works. `said`: once it has ended, what it wrote to stdout; `complained`: the same of stderr."""

    process: subprocess.Popen[bytes]
    said: str = ""
    complained: str = ""

    def told(self) -> dict[str, Any]:
        """What it tells at its end, as a line of JSON. Raises EncodeFailed if it does not: it was killed, or broke.

        That line is the last: Temporal's SDK writes its warnings to stdout, too.
        """
        try:
            found: dict[str, Any] = json.loads(self.said.strip().rpartition("\n")[2])
        except ValueError as error:
            last = (self.complained.strip() or self.said.strip() or "It said nothing.").rpartition("\n")[2]
            raise EncodeFailed(f"A worker of the benchmark died ({self.process.returncode}): {last}") from error
        return found

    def cpu_s(self) -> float:
        """User and system time that it has used so far, with its ended children."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system + times.children_user + times.children_system


@contextmanager
def joined(arguments: Sequence[str], environment: Mapping[str, str], stop_s: float = _STOP_S) -> Iterator[Joined]:
    """Run `python -m …`; it works when the block begins, and is stopped at its end. Raises StartupError.

    `stop_s`: how long it may take to end; then it is killed.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**environment, READY_FD: str(writing)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            pass_fds=[writing],
        )
        os.close(writing)
        worker = Joined(process)
        try:
            with os.fdopen(reading, "rb") as pipe:
                if not pipe.read(1):
                    errors.seek(0)
                    said = errors.read().decode(errors="replace").strip().splitlines() or ["It said nothing."]
                    raise StartupError(f"A worker did not start: {said[-1]}")
            yield worker
        finally:
            _stop(process, stop_s)
            out.seek(0)
            errors.seek(0)
            worker.said, worker.complained = (each.read().decode(errors="replace") for each in (out, errors))


def _stop(process: subprocess.Popen[bytes], stop_s: float) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(stop_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
