"""A chart of 24 colours, encoded as any kind of video, and the difference that a person sees (CIE 1976 ΔE)."""

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
    return _decoded(file, size, f"select=eq(n\\,{frame}),{_whole(size)}{convert(colour, SRGB)}")


def tone_mapped(file: Path, size: tuple[int, int], colour: Mapping[str, str]) -> Colours:
    """The same of HDR, by a tone map in linear light of which each step is told what it gets: Hable's curve."""
    light = {"matrix": "gbr", "primaries": colour["primaries"], "transfer": "linear", "range": "full"}
    daylight = light | {"primaries": "bt709"}
    steps = (
        f"{convert(colour, light)}:npl=100,format=gbrpf32le,{convert(light, daylight)},tonemap=hable:desat=0,"
        f"{convert(daylight, SRGB)}"
    )
    return _decoded(file, size, f"{_whole(size)}{steps}")


def as_gray(file: Path, size: tuple[int, int], pixels: str, values: str) -> Colours:
    """The same of a file of BT.709 that holds brightness only, in that range, worked out by hand (ITU-R BT.1886)."""
    raw = run(
        FFMPEG, "-v", "error", "-nostdin", "-i", str(file), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", pixels, "-"
    )  # fmt: skip
    coded = np.frombuffer(raw, "<u2").astype(float) / 4 if "10" in pixels else np.frombuffer(raw, "u1").astype(float)
    signal = (coded - 16) / 219 if values == "limited" else coded / 255
    light = signal.clip(0, 1) ** 2.4
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    return _middles(np.stack([srgb.reshape(size[::-1])] * 3, axis=-1))


def difference(first: Colours, second: Colours) -> float:
    """The largest ΔE of any patch: 1 is what a trained eye can just see."""
    return float(np.sqrt(((_lab(first) - _lab(second)) ** 2).sum(axis=-1)).max())


def _chart(width: int, height: int) -> bytes:
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 6 // width
    return CHART[rows[:, None] * 6 + columns[None, :]].tobytes()


def _whole(size: tuple[int, int]) -> str:
    """Filters for what zscale can't read: halved chroma of an odd size. The matrix is a pretext for the scaler."""
    planes = "yuv444p|yuv444p10le|yuv444p12le|gbrp|gbrp10le|gbrp12le"
    return f"setparams=colorspace=bt709,format={planes}," if size[0] % 2 or size[1] % 2 else ""


def _decoded(file: Path, size: tuple[int, int], filters: str) -> Colours:
    width, height = size
    raw = run(
        FFMPEG, "-v", "error", "-nostdin", "-i", str(file), "-map", "0:v:0", "-vf", f"{filters},format=gbrp",
        "-frames:v", "1", "-f", "rawvideo", "-",
    )  # fmt: skip
    green, blue, red = np.frombuffer(raw, np.uint8).reshape(3, height, width).astype(float)
    return _middles(np.stack((red, green, blue), axis=-1))


def _middles(video: Colours) -> Colours:
    """The mean of the middle of each patch."""
    height, width = video.shape[:2]

    def middle(side: int, index: int, count: int) -> slice:
        return slice(round(side * (index + 0.3) / count), round(side * (index + 0.7) / count))

    places = [(row, column) for row in range(4) for column in range(6)]
    return np.array([video[middle(height, row, 4), middle(width, column, 6)].mean((0, 1)) for row, column in places])


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
