"""Processes that outlived a killed `gilfoyle up`: recorded while it runs, stopped when the next one starts.

Its own Python children end by themselves (see lifeline.py); PostgreSQL and Temporal know nothing of that.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

PATIENCE_S = 10.0
# A process's start time is derived from the machine's boot time, which moves a little when the clock is set.
_SAME_START_S = 2.0


@dataclass(frozen=True)
class Trace:
    """One child as it is recorded: enough to find it again and never to mistake another process for it."""

    name: str
    pid: int
    started: float
    """Unix time, in seconds."""
    stop: int
    """The signal that makes it stop in order."""

    @classmethod
    def of(cls, name: str, pid: int, stop: signal.Signals) -> Trace | None:
        """The trace of a running process; None when it is gone already."""
        try:
            return cls(name, pid, psutil.Process(pid).create_time(), int(stop))
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The process, if it still runs and no other one got its number."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > _SAME_START_S:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.Error:
            return None


def record(file: Path, traces: Iterable[Trace]) -> None:
    """Write down who runs; whole or not at all."""
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps([asdict(trace) for trace in traces], indent=1), encoding="utf-8")
    draft.replace(file)


def recorded(file: Path) -> list[Trace]:
    """What the last `up` wrote down; nothing when it stopped in order or the file is damaged."""
    try:
        return [Trace(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def stop(traces: Iterable[Trace]) -> list[str]:
    """Stop those that still run, and all that they started. Returns the names of those found.

    Blocks for up to twice PATIENCE_S.
    """
    found = [(trace, process) for trace in traces if (process := trace.process())]
    families: list[psutil.Process] = []
    for trace, process in found:
        with suppress(psutil.Error):
            families += [process, *process.children(recursive=True)]
            process.send_signal(trace.stop)
    _, alive = psutil.wait_procs(families, timeout=PATIENCE_S)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=PATIENCE_S)
    return [trace.name for trace, _ in found]
