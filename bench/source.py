"""The sources that are encoded: made once, of lavfi's test patterns, and kept."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.room import check_room
from gilfoyle.errors import EncodeFailed

CACHE = Path(__file__).parent / "cache"
FULL_HD = (1920, 1080)
FILM_KBPS = 25_000
"""As a camera or an editor gives it."""
LONG_KBPS = 4500
"""For films so long that 25 Mbit/s would be 22 GB."""

# A part of the file's name: whoever changes the recipe raises it, so that an old file is not taken for a new one.
_RECIPE = 1
_RATE = 30
_GOP_S = 2
_MINUTE_S = 60

Say = Callable[[str], None]


def make(
    cache: Path, seconds: int, ffmpeg: str, say: Say, *, kbps: int = FILM_KBPS, size: tuple[int, int] = FULL_HD
) -> Path:
    """The file of `seconds` seconds in `cache`, made if it is not there. Raises EncodeFailed."""
    rate = "" if kbps == FILM_KBPS else f"-{kbps}k"
    file = cache / f"source-{seconds}s-{size[1]}p{_RATE}{rate}-{_RECIPE}.mp4"
    return kept(file, lambda draft: command(ffmpeg, seconds, draft, kbps=kbps, size=size), say)


def make_long(
    cache: Path, seconds: int, ffmpeg: str, say: Say, *, kbps: int = LONG_KBPS, size: tuple[int, int] = FULL_HD
) -> Path:
    """A minute of film over and over, copied: it takes seconds. A shorter one is the minute's beginning.

    Raises EncodeFailed, and StorageError if the disk can't take it.
    """
    minute = make(cache, _MINUTE_S, ffmpeg, say, kbps=kbps, size=size)
    file = cache / f"loop-{seconds}s-{size[1]}p{_RATE}-{kbps}k-{_RECIPE}.mp4"
    if not file.is_file():
        check_room(long_bytes(seconds, kbps), cache, "measure something shorter")
    return kept(file, lambda draft: loop_command(ffmpeg, minute, seconds, draft), say)


def long_bytes(seconds: int, kbps: int = LONG_KBPS) -> int:
    """About as much as it takes, rather more."""
    return round(seconds * (kbps + 192) * 1000 / 8 * 1.1)


def kept(file: Path, build: Callable[[Path], Sequence[str]], say: Say) -> Path:
    """The file, made by the command that `build` gives for a draft of it, if it is not there. Raises EncodeFailed."""
    return drafted(file, lambda draft: _run(build(draft)), say)


def drafted(file: Path, write: Callable[[Path], None], say: Say) -> Path:
    """The file, whole: if it is not there, `write` makes a draft, which takes its place. Raises what `write` raises."""
    if file.is_file():
        return file
    say(f"Making the source {file.name}, once …")
    file.parent.mkdir(parents=True, exist_ok=True)
    # By the process: two runs at once make one each, and the last takes its place.
    draft = file.with_name(f"part-{os.getpid()}-{file.name}")
    try:
        write(draft)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft.replace(file)


def _run(line: Sequence[str]) -> None:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EncodeFailed(f"ffmpeg could not make the source: {done.stderr.strip()[-500:]}")


def command(
    ffmpeg: str, seconds: int, file: Path, *, kbps: int = FILM_KBPS, size: tuple[int, int] = FULL_HD
) -> list[str]:
    """1080p30 H.264 of about 25 Mbit/s with a GOP of 2 s, and AAC.

    As hard as film: a slow zoom into fine detail (mandelbrot), things that move before it (testsrc2) and grain, which
    x264 finds as costly as a film's. With test patterns alone an encoder has nothing to do.
    """
    gop = str(_RATE * _GOP_S)
    scale = f"scale={size[0]}:{size[1]},format=yuv420p"
    video = (
        f"[0:v]{scale}[far];[1:v]{scale}[near];"
        "[far][near]blend=all_mode=average,noise=c0s=7:c0f=t+u:all_seed=7[v];[2:a]aformat=channel_layouts=stereo[a]"
    )
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"mandelbrot=size=640x360:rate={_RATE}:maxiter=600:end_scale=0.002:end_pts=1800",
        "-f", "lavfi", "-i", f"testsrc2=size=960x540:rate={_RATE}",
        "-f", "lavfi", "-i", "anoisesrc=color=pink:amplitude=0.3:sample_rate=48000:seed=1",
        "-filter_complex", video, "-map", "[v]", "-map", "[a]", "-t", str(seconds),
        "-c:v", "libx264", "-preset", "superfast",
        "-b:v", f"{kbps}k", "-maxrate", f"{round(kbps * 1.2)}k", "-bufsize", f"{2 * kbps}k",
        "-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
        "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart", str(file),
    ]  # fmt: skip


def loop_command(ffmpeg: str, minute: Path, seconds: int, file: Path) -> list[str]:
    """The packets of one file again and again, as they are, for so many seconds."""
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i", str(minute),
        "-map", "0", "-c", "copy", "-t", str(seconds), "-movflags", "+faststart", str(file),
    ]  # fmt: skip
