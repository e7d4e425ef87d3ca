"""What ffmpeg and players are told of each codec."""

from __future__ import annotations

import pytest

from gilfoyle.media.encoders import VIDEO_ENCODERS, VideoJob
from gilfoyle.media.policy import EncodingPolicy


def job(*, is_first: bool = True, crf: float = 21) -> VideoJob:
    return VideoJob(crf, 2800, 60, EncodingPolicy(), 2, is_first)


@pytest.mark.parametrize("codec", VIDEO_ENCODERS)
def test_gops_are_of_one_length(codec: str) -> None:
    options = VIDEO_ENCODERS[codec].options(job())
    said = f"{options.get('g')} {options.get('x265-params', '')}"
    assert "60" in said and options["c:v"] == VIDEO_ENCODERS[codec].name


@pytest.mark.parametrize("codec", VIDEO_ENCODERS)
def test_the_rate_is_bounded(codec: str) -> None:
    options = VIDEO_ENCODERS[codec].options(job())
    said = f"{options.get('maxrate')} {options.get('bufsize')} {options.get('x265-params', '')}"
    assert "2800" in said and "4200" in said


@pytest.mark.parametrize(
    ("codec", "crf", "given"),
    [
        ("h264", 21, "21"),
        ("hevc", 21, "23"),
        ("av1", 21, "28"),
        ("vp9", 21.5, "31.5"),
        ("av1", 51, "58"),
        ("vp9", 51, "61"),
    ],
)
def test_one_scale_of_quality(codec: str, crf: float, given: str) -> None:
    assert VIDEO_ENCODERS[codec].options(job(crf=crf))["crf"] == given


def test_a_later_chunk_begins_with_a_buffer_that_is_part_full() -> None:
    assert VIDEO_ENCODERS["h264"].options(job(is_first=False))["x264-params"] == "vbv-init=0.6"
    assert "vbv-init=0.6" in VIDEO_ENCODERS["hevc"].options(job(is_first=False))["x265-params"]
    assert "vbv-init" not in VIDEO_ENCODERS["hevc"].options(job())["x265-params"]


@pytest.mark.parametrize(
    ("codec", "config", "described"),
    [
        ("h264", "0164001fffe1", "avc1.64001f"),
        # Main, level 3.1; Main 10, high tier, level 5.1.
        ("hevc", "010160000000900000000000" + "5d", "hvc1.1.6.L93.90"),
        ("hevc", "012220000000b00000000000" + "99", "hvc1.2.4.H153.B0"),
        ("av1", "81050c00", "av01.0.05M.08"),
        ("av1", "818dcc00", "av01.4.13H.10"),
        ("vp9", "01000000" + "001f80020202", "vp09.00.31.08"),
    ],
)
def test_described(codec: str, config: str, described: str) -> None:
    assert VIDEO_ENCODERS[codec].describe(bytes.fromhex(config)) == described
