"""Grandchildren whose parent died without stopping them: adopted on Linux, so that none outlives `up`.

An ffmpeg runs in a session of its own, out of reach of its worker's process group. When a worker is killed, the
kernel gives its ffmpegs to the nearest "child subreaper", prctl(2), PR_SET_CHILD_SUBREAPER: this process.
Elsewhere they go to init and end at their next write, for their pipe is broken.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Container
from contextlib import suppress

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_S = 2.0


def adopt() -> None:
    """Become the parent of all orphans below this process, from now on."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sweep(children: Container[int]) -> None:
    """End every child of this process but `children` (process ids). Blocks for a few seconds at most."""
    orphans = [child for child in psutil.Process().children() if child.pid not in children]
    below = [process for orphan in orphans for process in _descendants(orphan)]
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in (*orphans, *below):
            with suppress(psutil.Error):
                ask(process)
        _, alive = psutil.wait_procs([*orphans, *below], timeout=_PATIENCE_S)
        if not alive:
            break
    for orphan in orphans:
        with suppress(ChildProcessError):
            os.waitpid(orphan.pid, os.WNOHANG)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
