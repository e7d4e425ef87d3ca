"""Films that are probed and planned like any other and take almost no disk: a black picture and silence."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import handwritten
from bench.source import Say, kept, loop_command
from bench.subject import Subject, examine
from gilfoyle.config import Settings
from gilfoyle.ffmpeg.tools import ffmpeg_path

_MINUTE_S = 60
_SAMPLE_S = 2


def still(cache: Path, seconds: int, settings: Settings, say: Say) -> Subject:
    """1080p30 of that length, and its plan. Raises EncodeFailed."""
    ffmpeg = ffmpeg_path(settings.tools)
    minute = kept(cache / "still-60s-1080p30.mp4", lambda draft: command(ffmpeg, draft), say)
    file = cache / f"still-{seconds}s-1080p30.mp4"
    return examine(kept(file, lambda draft: loop_command(ffmpeg, minute, seconds, draft), say), settings)


def inits(subject: Subject, settings: Settings, folder: Path) -> None:
    """Into `folder` a real init segment of each rendition of the subject's ladder, `{name}.mp4`."""
    ffmpeg = ffmpeg_path(settings.tools)
    with tempfile.TemporaryDirectory(prefix="gfb-") as name:
        place = Path(name)
        short = place / "short.mp4"
        kept(short, lambda draft: loop_command(ffmpeg, subject.source, _SAMPLE_S, draft), lambda _: None)
        sample = examine(short, settings)
        handwritten.run(handwritten.command(ffmpeg, sample, settings.encoding, place), sample, place)
        # ffmpeg puts the variant's number into the name.
        for init in place.glob("*/init*.mp4"):
            (folder / f"{init.parent.name}.mp4").write_bytes(init.read_bytes())


def command(ffmpeg: str, file: Path) -> list[str]:
    """A minute."""
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", "color=black:size=1920x1080:rate=30",
        "-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo",
        "-t", str(_MINUTE_S), "-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-c:a", "aac", "-b:a", "32k",
        "-movflags", "+faststart", str(file),
    ]  # fmt: skip
