"""A chart of 24 colours, encoded as any kind of picture, and the difference that a person sees (CIE 1976 ΔE)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.sources import FFMPEG, run

Colours = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

CHART = np.array(
    [
        (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
        (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
        (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
        (243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52),
    ],
    np.uint8,
)  # fmt: skip
"""The patches of a ColorChecker, as published in sRGB: four rows of six."""

SRGB = {"matrix": "gbr", "primaries": "bt709", "transfer": "iec61966-2-1", "range": "full"}
"""In zscale's words."""


def convert(source: Mapping[str, str], target: Mapping[str, str]) -> str:
    """A zscale that is told both ends, so that no tag counts."""
    ends = [*((f"{name}in", value) for name, value in source.items()), *target.items()]
    return "zscale=" + ":".join(f"{name}={value}" for name, value in ends)


def make_chart(
    path: Path, filters: str, *options: str, size: tuple[int, int] = (384, 256), frames: int = 5, rate: int = 25
) -> Path:
    """The chart through `filters`, which get it as planes of RGB, in a file that `options` say how to write."""
    width, height = size
    run(
        FFMPEG, "-v", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:0",
        "-vf", f"format=gbrp,{filters}", *options, str(path),
        feed=_chart(width, height) * frames,
    )  # fmt: skip
    return path


def coloured(stream: Mapping[str, Any]) -> dict[str, str]:
    """What ffprobe says of a stream, in zscale's words."""
    return {
        "matrix": stream["color_space"],
        "primaries": stream["color_primaries"],
        "transfer": stream["color_transfer"],
        "range": {"tv": "limited", "pc": "full"}[stream["color_range"]],
    }


def shown(file: Path, size: tuple[int, int], colour: Mapping[str, str], *, frame: int = 0) -> Colours:
    """The chart's patches in a frame of a file, in sRGB from 0 to 255, as who believes that it has this colour."""
    raw = run(
        FFMPEG, "-v", "error", "-nostdin", "-i", str(file), "-map", "0:v:0",
        "-vf", f"select=eq(n\\,{frame}),{convert(colour, SRGB)},format=gbrp", "-frames:v", "1",
        "-f", "rawvideo", "-",
    )  # fmt: skip
    return _patches(raw, *size)


def difference(first: Colours, second: Colours) -> float:
    """The largest ΔE of any patch: 1 is what a trained eye can just see."""
    return float(np.sqrt(((_lab(first) - _lab(second)) ** 2).sum(axis=-1)).max())


def _chart(width: int, height: int) -> bytes:
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 6 // width
    return CHART[rows[:, None] * 6 + columns[None, :]].tobytes()


def _patches(raw: bytes, width: int, height: int) -> Colours:
    """The mean of the middle of each patch, of planes in ffmpeg's order."""
    green, blue, red = np.frombuffer(raw, np.uint8).reshape(3, height, width).astype(float)
    picture = np.stack((red, green, blue), axis=-1)

    def middle(side: int, index: int, count: int) -> slice:
        return slice(round(side * (index + 0.3) / count), round(side * (index + 0.7) / count))

    places = [(row, column) for row in range(4) for column in range(6)]
    return np.array([picture[middle(height, row, 4), middle(width, column, 6)].mean((0, 1)) for row, column in places])


def _lab(srgb: Colours) -> Colours:
    """CIE L*a*b* (D65) of sRGB from 0 to 255 (IEC 61966-2-1)."""
    coded = srgb / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    to_xyz: Sequence[Sequence[float]] = (
        (0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041),
    )  # fmt: skip
    xyz = linear @ np.array(to_xyz).T / np.array((0.95047, 1.0, 1.08883))
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), axis=-1)
