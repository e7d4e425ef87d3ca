"""The source that is encoded: made once, of lavfi's pictures, and kept."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from gilfoyle.errors import EncodeFailed

# A part of the file's name: whoever changes the recipe raises it, so that an old file is not taken for a new one.
_RECIPE = 1
_RATE = 30
_GOP_S = 2


def make(cache: Path, seconds: int, ffmpeg: str, say: Callable[[str], None]) -> Path:
    """The file of `seconds` seconds in `cache`, made if it is not there. Raises EncodeFailed."""
    file = cache / f"source-{seconds}s-1080p30-{_RECIPE}.mp4"
    if file.is_file():
        return file
    say(f"Making the source {file.name}, once …")
    cache.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"part-{file.name}")
    done = subprocess.run(command(ffmpeg, seconds, draft), capture_output=True, text=True, check=False)
    if done.returncode:
        raise EncodeFailed(f"ffmpeg could not make the source: {done.stderr.strip()[-500:]}")
    draft.replace(file)
    return file


def command(ffmpeg: str, seconds: int, file: Path) -> list[str]:
    """1080p30 H.264 of about 25 Mbit/s with a GOP of 2 s, and AAC.

    As hard as film: a slow zoom into fine detail (mandelbrot), things that move before it (testsrc2) and grain, which
    x264 finds as costly as a film's. With test pictures alone an encoder has nothing to do.
    """
    gop = str(_RATE * _GOP_S)
    picture = (
        "[0:v]scale=1920:1080,format=yuv420p[far];[1:v]scale=1920:1080,format=yuv420p[near];"
        "[far][near]blend=all_mode=average,noise=c0s=7:c0f=t+u:all_seed=7[v];[2:a]aformat=channel_layouts=stereo[a]"
    )
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"mandelbrot=size=640x360:rate={_RATE}:maxiter=600:end_scale=0.002:end_pts=1800",
        "-f", "lavfi", "-i", f"testsrc2=size=960x540:rate={_RATE}",
        "-f", "lavfi", "-i", "anoisesrc=color=pink:amplitude=0.3:sample_rate=48000:seed=1",
        "-filter_complex", picture, "-map", "[v]", "-map", "[a]", "-t", str(seconds),
        "-c:v", "libx264", "-preset", "superfast", "-b:v", "25M", "-maxrate", "30M", "-bufsize", "50M",
        "-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
        "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", str(file),
    ]  # fmt: skip
