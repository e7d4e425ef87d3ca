"""Processes of a run, found by what they inherit; and a keeper that ends them if the run itself is killed.

`python -m chaos.leftovers RUN FOLDER DISK` reads its stdin to the end, which comes when the run is gone, however.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from chaos.disk import unmount
from chaos.settings import MARK, ROOT

# What Gilfoyle's own processes need to end by themselves, once their lifeline breaks.
_GRACE_S = 8.0


def of_run(run: str, folder: Path) -> list[psutil.Process]:
    """Those that live: by the mark in their environment, or at work in the folder (PostgreSQL hides its own)."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == psutil.Process().pid:
                continue
            if process.environ().get(MARK) == run or folder in (cwd := Path(process.cwd())).parents or cwd == folder:
                found.append(process)
    return found


def end(run: str, folder: Path, grace_s: float = 0.0) -> list[str]:
    """End those that still live after the grace, by SIGKILL; returns what they were."""
    until = time.monotonic() + grace_s
    while (alive := of_run(run, folder)) and time.monotonic() < until:
        time.sleep(0.2)
    names = []
    for process in alive:
        with suppress(psutil.Error):
            names.append(" ".join(process.cmdline())[:200] or process.name())
            process.kill()
    psutil.wait_procs(alive, 5)
    return names


def keeper(run: str, folder: Path, disk: Path) -> subprocess.Popen[bytes]:
    """Start it. Close its stdin to let it do its work, or kill it when there is none."""
    command = [sys.executable, "-m", "chaos.leftovers", run, str(folder), str(disk)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)


def _main() -> None:
    run, folder, disk = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    sys.stdin.buffer.read()
    end(run, folder, _GRACE_S)
    unmount(disk)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _main()
