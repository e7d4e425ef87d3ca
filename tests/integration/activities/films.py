"""Films for tests of the whole: every frame carries its number, and at each whole second it beeps."""

from __future__ import annotations

from pathlib import Path

from gilfoyle.media.policy import EncodingPolicy
from tests.sources import FFMPEG, run

DEFAULT = EncodingPolicy(preset="ultrafast")
"""What users get, but for the time that encoding takes."""
BEEP = "0.8*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.05)"
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-bf", "2", "-g", "50", "-pix_fmt", "yuv420p"]


def make(path: Path, *arguments: str) -> Path:
    """A file by ffmpeg."""
    run(FFMPEG, "-v", "error", "-nostdin", "-y", *arguments, str(path))
    return path


def lavfi(graph: str) -> list[str]:
    """An input made by filters."""
    return ["-f", "lavfi", "-i", graph]


def counted(seconds: float, *, first: int = 0, size: str = "320:240", rate: int = 25) -> list[str]:
    """An input of numbered frames: 16 upright bars, the number in binary, the most significant bit first."""
    bars = f"geq=lum='28+200*mod(floor((N+{first})/pow(2\\,15-X))\\,2)':cb=128:cr=128"
    return lavfi(f"nullsrc=s=16x2:r={rate}:d={seconds},{bars},scale={size}:flags=neighbor,setsar=1,format=yuv420p")


def beeps(seconds: float, *, rate: int = 48_000) -> list[str]:
    """An input of 50 ms of 1 kHz at each whole second."""
    return lavfi(f"aevalsrc={BEEP}:sample_rate={rate}:duration={seconds}")
