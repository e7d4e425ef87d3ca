"""An ffmpeg that fails on purpose, configured as the tool, so that the product needs no hook for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.sources import FFMPEG


def real_ffmpeg(folder: Path) -> Path:
    """The real one, beside a script that runs it: the sandbox lets programs look beside themselves."""
    real = folder / "real-ffmpeg"
    try:
        real.hardlink_to(FFMPEG)
    except OSError:  # another disk
        shutil.copy(FFMPEG, real)
    return real


class Poison:
    """An ffmpeg that cannot encode some heights: for each there is a file with what it does instead."""

    def __init__(self, folder: Path) -> None:
        self._harms = folder / "poison"
        self._harms.mkdir()
        self.ffmpeg = str(folder / "ffmpeg")
        real = real_ffmpeg(folder)
        test = f'case "$*" in *scale=*:$height*) . {self._harms}/$height;; esac'
        Path(self.ffmpeg).write_text(
            f'#!/bin/sh\nfor height in $(ls {self._harms}); do {test}; done\nexec {real} "$@"\n'
        )
        Path(self.ffmpeg).chmod(0o755)

    def put(self, *heights: int, harm: str = "echo no $height today >&2; exit 1") -> None:
        for height in heights:
            (self._harms / str(height)).write_text(harm)

    def take(self, *heights: int) -> None:
        for height in heights:
            (self._harms / str(height)).unlink()
