"""Sources made for the tests: every frame shows its number, so that one lost, doubled or moved shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from gilfoyle.config import ToolSettings
from gilfoyle.ffmpeg.tools import ffmpeg_path, ffprobe_path

FFMPEG, FFPROBE = ffmpeg_path(ToolSettings()), ffprobe_path(ToolSettings())
BITS = 16
WIDTH, HEIGHT = 320, 180


def run(*arguments: str, feed: bytes | None = None) -> bytes:
    """Run a tool; its stderr is in the failure."""
    done = subprocess.run(arguments, input=feed, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stderr.decode(errors='replace')[-3000:]}"
    return done.stdout


def numbered_frames(count: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Raw gray frames: 16 upright bars, the number in binary, the most significant bit first."""
    numbers = np.arange(count, dtype=np.uint32)
    bits = (numbers[:, None] >> np.arange(BITS - 1, -1, -1)) & 1
    rows = np.repeat(bits, width // BITS, axis=1).astype(np.uint8) * 200 + 28
    rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=28)
    return np.repeat(rows[:, None, :], height, axis=1).tobytes()


def read_numbers(playlist: Path | str, *, strict: bool = True) -> list[int]:
    """Decode a video and read each frame's number; with `strict`, fails on any warning of ffmpeg."""
    width, height = BITS * 8, 16
    arguments = [FFMPEG, "-v", "warning", "-nostdin", "-i", str(playlist), "-map", "0:v:0"]
    scale = f"scale={width}:{height}:flags=area,format=gray"
    arguments += ["-fps_mode", "passthrough", "-vf", scale, "-f", "rawvideo", "-"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == 0 and not (strict and done.stderr), done.stderr.decode(errors="replace")[-3000:]
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, BITS, 8)
    bits = frames[:, 4:12, :, 2:6].mean(axis=(1, 3)) > 128
    return [int(number) for number in bits @ (1 << np.arange(BITS - 1, -1, -1))]


def numbered(
    path: Path,
    rate: Fraction | str,
    count: int,
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    filters: str = "null",
    options: Sequence[str] = (),
    audio: bool = True,
) -> Path:
    """A file of numbered frames at `rate`, with a tone if wanted. `filters` may drop frames or move stamps."""
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={float(count / Fraction(rate))}"]
    run(
        FFMPEG, "-v", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{size[0]}x{size[1]}", "-r", str(rate), "-i", "pipe:0",
        *(tone if audio else []),
        "-vf", f"{filters},format=yuv420p", "-fps_mode", "passthrough",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-bf", "2", "-g", "50", "-c:a", "aac",
        *options, str(path),
        feed=numbered_frames(count, *size),
    )  # fmt: skip
    return path


def stamps(path: Path) -> list[Fraction]:
    """The presentation times of a file's frames, in order, in seconds."""
    out = run(
        FFPROBE, "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "json", str(path)
    )
    return [Fraction(frame["pts_time"]) for frame in json.loads(out)["frames"]]
