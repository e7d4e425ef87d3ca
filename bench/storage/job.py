"""One job in a process of its own, so that its memory is its own: `python -m bench.storage.job`, a Job on stdin.

Pickled: as JSON, its settings would hide the secrets that it needs.
"""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bench.storage.bare import open_bare
from bench.storage.ours import Ours
from bench.storage.results import Measured
from bench.storage.side import Job
from gilfoyle.errors import GilfoyleError, StorageError

_MEASURED = TypeAdapter(Measured)
_LONGEST_S = 1800


def run(job: Job) -> Measured:
    """Do the job in a fresh process. Raises StorageError with the reason if it fails."""
    command = [sys.executable, "-m", "bench.storage.job"]
    doing = f"The job {job.who}, {job.settings.driver}, {job.work}"
    try:
        done = subprocess.run(command, input=pickle.dumps(job), capture_output=True, timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise StorageError(f"{doing} has not ended in {_LONGEST_S // 60} minutes.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise StorageError(f"{doing} failed: {said[-1]}")
    return _MEASURED.validate_json(done.stdout.splitlines()[-1])


def do(job: Job) -> Measured:
    """Store and read, here. Raises GilfoyleError, and whatever a bare tool raises."""
    side = Ours(job.settings) if job.who == "ours" else open_bare(job.settings)
    put, get = (side.put_object, side.get_object) if job.work == "object" else (side.put_segments, side.get_segments)
    on_disk = job.settings.filesystem.path if job.settings.driver == "filesystem" else None
    cached_get_s = None
    try:
        put_s, _ = _timed(lambda: put(job.source))
        if on_disk is not None:
            _forget(on_disk)
        get_s, got = _timed(get)
        if on_disk is not None:
            cached_get_s, _ = _timed(get)
        if job.who == "ours" and got != job.size:
            raise StorageError(f"{job.size} bytes were stored, and {got} came back.")
    finally:
        side.close()
    return Measured(put_s, get_s, _peak_mb(), cached_get_s)


def _forget(folder: Path) -> None:
    """Take the files below `folder` out of the page cache, so that they are read from the disk; macOS can't."""
    os.sync()
    for path in folder.rglob("*") if hasattr(os, "posix_fadvise") else ():
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result. What others have yet to write to the disk is written before, not meanwhile."""
    os.sync()
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def _peak_mb() -> float:
    """The most memory this process has had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's `ru_maxrss` begins with what the parent had: a child shares its memory until it runs its program.
        (peak,) = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(peak) * 1024 / 1e6
    peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_rss / 1e6 if sys.platform == "darwin" else peak_rss * 1024 / 1e6


def main() -> None:
    """Print what was measured as JSON; a failure is a sentence on stderr and exit status 1."""
    try:
        print(_MEASURED.dump_json(do(pickle.load(sys.stdin.buffer))).decode())
    except GilfoyleError as error:
        print(error.message, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
