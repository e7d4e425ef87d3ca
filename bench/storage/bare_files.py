"""The filesystem's bare tool: cp, and fsync of what it wrote, for a copy that a power cut can't take back."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.storage.tools import run
from gilfoyle.config import FilesystemSettings

# Where files can share their blocks, cp would copy nothing.
_CP = ["cp", "--reflink=never"] if sys.platform.startswith("linux") else ["cp"]


class Cp:
    """Copies into the same folder that the backend uses, and from there to /dev/null."""

    def __init__(self, settings: FilesystemSettings) -> None:
        self._file = settings.path / "bare"
        self._folder = settings.path / "bare-segments"

    def put_object(self, source: Path) -> None:
        run([*_CP, str(source), str(self._file)])
        _sync(self._file, self._file.parent)

    def get_object(self) -> int:
        run([*_CP, str(self._file), os.devnull])
        return 0

    def put_segments(self, folder: Path) -> None:
        run([*_CP, "-r", str(folder), str(self._folder)])
        _sync(*self._folder.iterdir(), self._folder, self._folder.parent)

    def get_segments(self) -> int:
        """By cat: cp can't copy several files to /dev/null."""
        run(["cat", *sorted(file.name for file in self._folder.iterdir())], folder=self._folder)
        return 0

    def close(self) -> None:
        """Nothing is open."""


def _sync(*paths: Path) -> None:
    """As the program `sync FILE…` does, which not every system has."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
