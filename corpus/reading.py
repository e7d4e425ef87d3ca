"""What is seen and heard in a stream: the numbers of its frames, and where its beeps begin."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.maker import BITS

_RATE = 24_000
_WIDTH, _HEIGHT = BITS * 8, 16
_LOUD = 0.12
# Two beeps are this far apart at least (seconds).
_APART_S = 0.3
Beeps = list[float]
"""When each begins, in seconds."""


def numbers(ffmpeg: str, playlist: str) -> list[int]:
    """The number that each decoded frame carries."""
    scale = f"scale={_WIDTH}:{_HEIGHT}:flags=area,format=gray"
    out = _decoded(ffmpeg, playlist, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", scale, "-f", "rawvideo")
    bars = np.frombuffer(out, np.uint8).reshape(-1, _HEIGHT, BITS, 8)[:, 4:12, :, 2:6].mean(axis=(1, 3))
    middle = np.clip((bars.min(axis=1) + bars.max(axis=1)) / 2, 70, 180)
    return [int(number) for number in (bars > middle[:, None]) @ (1 << np.arange(BITS - 1, -1, -1))]


def runs(found: list[int]) -> list[int]:
    """The numbers in order, each that is held only once."""
    return [number for index, number in enumerate(found) if not index or number != found[index - 1]]


def beeps_of(ffmpeg: str, source: str, *, stamped: bool = False) -> Beeps:
    """When each beep begins, in seconds; `stamped`: on the clock of a file, which may begin later than at 0."""
    audio = heard(ffmpeg, source)
    loud = np.flatnonzero(np.abs(audio) > _LOUD * 32768)
    begin = _first_stamp(ffmpeg, source) if stamped else 0.0
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-_RATE) > _APART_S * _RATE)]
    return [begin + float(at) / _RATE for at in starts]


def begin_of(ffprobe: str, source: Path) -> float:
    """When the video of a file begins on its clock, or its audio if it has none (seconds)."""
    entries = ["-show_entries", "stream=codec_type,start_time", "-of", "json"]
    done = subprocess.run([ffprobe, "-v", "error", *entries, str(source)], capture_output=True, check=True)
    streams = sorted(json.loads(done.stdout)["streams"], key=lambda stream: str(stream["codec_type"]) != "video")
    return float(streams[0].get("start_time") or 0)


def heard(ffmpeg: str, source: str) -> npt.NDArray[np.int32]:
    """All samples, as mono."""
    out = _decoded(ffmpeg, source, "-map", "0:a:0", "-ac", "1", "-ar", str(_RATE), "-f", "s16le")
    return np.frombuffer(out, np.int16).astype(np.int32)


def _first_stamp(ffmpeg: str, source: str) -> float:
    out = _decoded(
        ffmpeg, source, "-map", "0:a:0", "-ar", str(_RATE), "-c:a", "pcm_s16le", "-frames:a", "1", "-f", "framecrc",
        before=("-copyts",),
    ).decode()  # fmt: skip
    line = next(line for line in out.splitlines() if not line.startswith("#"))
    return int(line.split(",")[2]) / _RATE


def _decoded(ffmpeg: str, source: str, *output: str, before: tuple[str, ...] = ()) -> bytes:
    command = [ffmpeg, "-v", "error", "-nostdin", *before, "-i", source, *output, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout
