"""What is known of a source, and what follows from it."""

from __future__ import annotations

import re
import subprocess

import pytest

from gilfoyle.config import ToolSettings
from gilfoyle.ffmpeg.tools import ffmpeg_path
from tests.unit.media.infos import video


def depths() -> dict[str, set[int]]:
    """Every pixel format of this ffmpeg, and the depths of its components; hardware's have none."""
    listed = subprocess.run([ffmpeg_path(ToolSettings()), "-v", "error", "-pix_fmts"], capture_output=True, text=True)
    found = re.findall(r"^[I.][O.][H.][P.][B.] (\S+)\s+\d+\s+\d+\s+([\d-]+)$", listed.stdout, re.MULTILINE)
    return {name: {int(depth) for depth in each.split("-")} for name, each in found}


def test_the_bit_depth_is_that_of_ffmpeg() -> None:
    known = depths()
    told = {name: video(pixel_format=name).bit_depth for name in known}
    assert len(known) > 100
    assert {name: depth for name, depth in told.items() if depth is not None and {depth} != known[name]} == {}


@pytest.mark.parametrize(
    "pixel_format, depth",
    [
        ("yuv420p", 8), ("yuvj420p", 8), ("yuv422p10le", 10), ("yuv444p12le", 12), ("yuva444p16le", 16), ("nv12", 8),
        ("p010le", 10), ("gbrp", 8), ("gbrap10be", 10), ("rgb24", 8), ("rgba", 8), ("bgr0", 8), ("rgb48be", 16),
        ("gray", 8), ("gray16le", 16), ("ya8", 8), ("pal8", 8), ("x2rgb10le", 10), ("uyvy422", 8),
        ("rgb565le", None), ("monow", None), ("unknown", None), ("", None),
    ],
)  # fmt: skip
def test_what_sources_have_is_known(pixel_format: str, depth: int | None) -> None:
    assert video(pixel_format=pixel_format).bit_depth == depth
