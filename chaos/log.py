"""What happens, a line each: on stderr and in the run's log."""

from __future__ import annotations

import sys
import time
from pathlib import Path


class Log:
    """`quiet`: not on stderr."""

    def __init__(self, file: Path, *, quiet: bool) -> None:
        self._file = file.open("a", encoding="utf-8")
        self._quiet = quiet
        self._began = time.monotonic()

    def __call__(self, sentence: str) -> None:
        """Say it, with the time since the beginning and the time of day, by which the parts' logs can be searched."""
        passed = time.monotonic() - self._began
        line = f"{int(passed // 60):3d}:{passed % 60:04.1f}  {sentence}"
        self._file.write(f"{time.strftime('%H:%M:%S')} {line}\n")
        self._file.flush()
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        self._file.close()
