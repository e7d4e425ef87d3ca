"""The programs that tests run: signals reach them, and none outlives its test.

Each test pays for the looks at what is open and what runs, so they do without pathlib.
"""
# ruff: noqa: PTH115, PTH123, PTH208

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_LINUX = sys.platform == "linux"
# Ignored by this process, they would be ignored by what it starts: a job that a script starts in the background
# ignores Ctrl-C, one under nohup SIGHUP.
_HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def heeding_signals() -> Iterator[None]:
    """What is started in the block can be ended by a signal, although this process may ignore it."""
    ignored = [number for number in _HEEDED if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def program(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run it until the end of the block, at the latest. `options` are those of Popen."""
    with heeding_signals():
        process = subprocess.Popen(command, **options)
    with process:
        try:
            yield process
        finally:
            process.kill()


def descriptors() -> set[tuple[str, str]]:
    """The number of each open file, and what it is: a path, `pipe:[…]`, `socket:[…]`. Empty but on Linux."""
    found = set()
    for each in os.listdir("/proc/self/fd") if _LINUX else ():
        with suppress(FileNotFoundError):  # The one that lists them.
            found.add((each, os.readlink(f"/proc/self/fd/{each}")))
    return found


def children() -> dict[int, str]:
    """The programs that this process has started and that still run: id → command line. Empty but on Linux."""
    found = {}
    for thread in os.listdir("/proc/self/task") if _LINUX else ():
        for pid in map(int, _read(f"/proc/self/task/{thread}/children").split()):
            if command := _read(f"/proc/{pid}/cmdline"):  # One that has ended has none.
                found[pid] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def kill_others(known: Collection[str]) -> list[str]:
    """Kill the children with another command line than those; returns theirs. So a server may be started again."""
    others = {pid: line for pid, line in children().items() if line not in known}
    for pid in others:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [*others.values()]


def _read(file: str) -> bytes:
    try:
        with open(file, "rb", 0) as opened:
            return opened.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""
