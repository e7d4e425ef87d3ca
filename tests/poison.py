"""An ffmpeg that fails on purpose, configured as the tool, so that the product needs no hook for it."""

from __future__ import annotations

from pathlib import Path

from tests.sources import FFMPEG


class Poison:
    """An ffmpeg that cannot make a picture of some heights: for each there is a file with what it does instead."""

    def __init__(self, folder: Path) -> None:
        self._harms = folder / "poison"
        self._harms.mkdir()
        self.ffmpeg = str(folder / "ffmpeg")
        test = f'case "$*" in *scale=*:$height*) . {self._harms}/$height;; esac'
        Path(self.ffmpeg).write_text(
            f'#!/bin/sh\nfor height in $(ls {self._harms}); do {test}; done\nexec {FFMPEG} "$@"\n'
        )
        Path(self.ffmpeg).chmod(0o755)

    def put(self, *heights: int, harm: str = "echo no $height today >&2; exit 1") -> None:
        for height in heights:
            (self._harms / str(height)).write_text(harm)

    def take(self, *heights: int) -> None:
        for height in heights:
            (self._harms / str(height)).unlink()
