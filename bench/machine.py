"""What the figures were measured on: without it they say nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from typing import Self

from gilfoyle.config import Settings
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.workers import transcode_capacity


@dataclass(frozen=True)
class Machine:
    """The machine, the tool, and how much the transcode worker does at once."""

    cores: int
    system: str
    ffmpeg: str
    slots: int
    threads: int

    @classmethod
    def here(cls, settings: Settings) -> Self:
        """This machine."""
        cores = os.cpu_count() or 1
        slots, threads = transcode_capacity(settings.workers, cores)
        system = f"{platform.system()} {platform.machine()}"
        return cls(cores, system, _version(ffmpeg_path(settings.tools)), slots, threads)

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.system}, ffmpeg {self.ffmpeg}, {self.slots} × {self.threads} threads"


def _version(ffmpeg: str) -> str:
    """`ffmpeg version 9.0 Copyright …`: the third word."""
    words = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=False).stdout.split()
    return words[2] if len(words) > 2 else "unknown"
