"""What may open an upload: nothing that opens a second file."""

from __future__ import annotations

import re
import subprocess

import pytest

from gilfoyle.media.formats import FORMATS
from tests.sources import FFMPEG, FFPROBE

# Demuxers that follow names, patterns or addresses, or run scripts, or have no way to tell a file of theirs.
REFERRING = {
    "hls", "dash", "concat", "concatf", "imf", "image2", "image2pipe", "sdp", "rtsp", "rtp", "sap",
    "webm_dash_manifest", "vobsub", "tedcaptions", "avisynth", "vapoursynth", "lavfi", "dvdvideo", "svg_pipe",
    "redspark", "ffmetadata", "libgme", "libopenmpt", "rawvideo", "mpegtsraw",
}  # fmt: skip


def test_none_opens_other_files() -> None:
    assert not REFERRING & set(FORMATS)
    assert len(FORMATS) == len(set(FORMATS))


@pytest.mark.parametrize("tool", [FFMPEG, FFPROBE])
def test_the_tools_know_them(tool: str) -> None:
    """But for what the one of them is too old for."""
    out = subprocess.run([tool, "-v", "error", "-demuxers"], capture_output=True, check=True).stdout.decode()
    known = {name for names in re.findall(r"^ D\S* +(?:d +)?(\S+)", out, re.MULTILINE) for name in names.split(",")}
    assert set(FORMATS) - known <= {"webp_anim"}
