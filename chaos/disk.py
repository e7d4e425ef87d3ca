"""A small disk of its own for the storage, so that it can be filled up without harm to anybody else."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

_STEP = 1 << 20


class Disk:
    """A file system of `size_mb` at `path`, if this process may mount one; else the folder, and no way to fill it."""

    def __init__(self, path: Path, size_mb: int) -> None:
        self.path = path
        self._size_mb = size_mb
        self._ballast = path / "ballast"
        self.why_not = ""
        """Why it can't be filled up; empty if it can."""

    def mount(self) -> None:
        """Make the folder, and mount the file system there if that is possible."""
        self.path.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size_mb}m,mode=0755", "chaos", str(self.path)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except OSError as error:
            self.why_not = f"mount can't be run: {error.strerror}"
        except subprocess.CalledProcessError as error:
            self.why_not = (error.stderr or "mount failed").strip().splitlines()[0]

    def fill(self) -> None:
        """Take all that is free. Blocks for a moment."""
        file = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
        try:
            at, step = 0, 64 * _STEP
            while step >= 4096:
                try:
                    os.posix_fallocate(file, at, step)
                    at += step
                except OSError:
                    step //= 4
        finally:
            os.close(file)

    def free(self) -> None:
        """Give it back. No error if it was not full."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Remove the file system with all that is on it."""
        unmount(self.path)


def unmount(path: Path) -> None:
    """Whatever still uses it; nothing happens if nothing is mounted there."""
    with suppress(OSError):
        if path.is_mount():
            subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)
