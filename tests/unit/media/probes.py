"""ffprobe's JSON as it is of ordinary files, for tests to change."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gilfoyle.media.packets import Measured
from gilfoyle.media.probe import Findings
from gilfoyle.media.refusals import Limits

LIMITS = Limits(duration_s=3600, side_px=8192, streams=8)


def video_json(**changes: Any) -> dict[str, Any]:
    return {
        "index": 0,
        "codec_type": "video",
        "codec_name": "h264",
        "codec_tag_string": "avc1",
        "pix_fmt": "yuv420p",
        "width": 1920,
        "height": 1080,
        "sample_aspect_ratio": "1:1",
        "avg_frame_rate": "30/1",
        "r_frame_rate": "30/1",
        "start_time": "0.000000",
        "duration": "10.000000",
        "nb_frames": "300",
        "time_base": "1/15360",
        "disposition": {"default": 1, "attached_pic": 0},
    } | changes


def audio_json(**changes: Any) -> dict[str, Any]:
    return {
        "index": 1,
        "codec_type": "audio",
        "codec_name": "aac",
        "codec_tag_string": "mp4a",
        "channels": 2,
        "sample_rate": "48000",
        "start_time": "0.000000",
        "disposition": {"default": 1},
        "tags": {"language": "eng"},
    } | changes


def found(*streams: dict[str, Any], **form: Any) -> dict[str, Any]:
    name = {"format_name": "mov,mp4,m4a,3gp,3g2,mj2", "start_time": "0.000000", "duration": "10.000000"}
    return {"streams": list(streams), "format": name | form}


def found_in(ends: Mapping[int, float | Fraction], **more: Any) -> Findings:
    """What is found in a file whose streams begin at 0 and end so (index → seconds)."""
    return Findings({index: Measured(Fraction(0), Fraction(end), **more) for index, end in ends.items()})
