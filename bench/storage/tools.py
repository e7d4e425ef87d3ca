"""Programs that are run and waited for."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gilfoyle.errors import StorageError


def run(command: Sequence[str], said: str = "", *, folder: Path | None = None, keep: bool = False) -> str:
    """Run a program, with `said` on its stdin. What it prints is returned if `keep`, else goes to /dev/null.

    Raises StorageError with the last line of its complaint.
    """
    done = subprocess.run(
        command,
        input=said,
        stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        text=True,
        check=False,
    )
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or ["it said nothing"]
        raise StorageError(f"`{Path(command[0]).name}` failed: {complaint[-1]}")
    return done.stdout or ""
