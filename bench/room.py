"""Whether the disk can take what a measurement needs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gilfoyle.errors import StorageError


def check_room(needed: int, folder: Path | None = None, advice: str = "set TMPDIR to another disk") -> None:
    """Raises StorageError with a sentence if the folder's disk has less than `needed` bytes; default: TMPDIR's."""
    place = folder or Path(tempfile.gettempdir())
    free = shutil.disk_usage(place).free
    if free < needed:
        there = f"{place} has {free / 1e9:.1f} GB left"
        raise StorageError(f"This takes {needed / 1e9:.1f} GB of disk, and {there}: make room, or {advice}.")
