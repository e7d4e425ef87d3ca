"""Quick Sync Video, on Intel's processors and cards. Not tried on one here: by ffmpeg's documentation."""

from __future__ import annotations

from dataclasses import replace

from gilfoyle.media.encoders.av1 import AV1
from gilfoyle.media.encoders.base import AVERAGE, Options, VideoEncoder, VideoJob, key_frames
from gilfoyle.media.encoders.h264 import H264
from gilfoyle.media.encoders.hevc import HEVC

# It has x264's, but for the two fastest.
_PRESETS = {"ultrafast": "veryfast", "superfast": "veryfast"}


def _options(job: VideoJob, name: str) -> Options:
    return {
        "c:v": name,
        "preset": _PRESETS.get(job.policy.preset, job.policy.preset),
        # A quality, an average and a bound together are QVBR: constant quality, up to the bound.
        "global_quality": max(1, round(job.crf)),
        "b:v": f"{round(job.max_kbps * AVERAGE)}k",
        "maxrate": f"{job.max_kbps}k",
        "bufsize": f"{job.buffer_kbit}k",
        # No frame is shown later than it is decoded, and each GOP is closed.
        "bf": 0,
        "adaptive_i": 0,
        "adaptive_b": 0,
        "flags": "+cgop",
        "forced_idr": 1,
        **key_frames(job.gop_frames),
    }


def _h264(job: VideoJob) -> Options:
    return {**_options(job, "h264_qsv"), "profile:v": "high", "look_ahead": 0}


def _hevc(job: VideoJob) -> Options:
    return {**_options(job, "hevc_qsv"), "profile:v": "main", "tag:v": "hvc1"}


def _av1(job: VideoJob) -> Options:
    return {**_options(job, "av1_qsv"), "profile:v": "main"}


def _on_chip(software: VideoEncoder, name: str) -> VideoEncoder:
    options = {"h264": _h264, "hevc": _hevc, "av1": _av1}[software.codec]
    return replace(software, name=name, options=options, capability="qsv", reserves=True)


QSV = (_on_chip(H264, "h264_qsv"), _on_chip(HEVC, "hevc_qsv"), _on_chip(AV1, "av1_qsv"))
