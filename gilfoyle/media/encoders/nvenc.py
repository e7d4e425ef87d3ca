"""NVENC, on NVIDIA's cards. Not tried on one here: by ffmpeg's documentation, and its sources' names of the options."""

from __future__ import annotations

from dataclasses import replace

from gilfoyle.media.encoders.av1 import AV1
from gilfoyle.media.encoders.base import Options, VideoEncoder, VideoJob, key_frames
from gilfoyle.media.encoders.h264 import H264
from gilfoyle.media.encoders.hevc import HEVC

# From the fastest to the best, in the place of x264's.
_PRESETS = {
    "ultrafast": "p1", "superfast": "p2", "veryfast": "p3", "faster": "p4", "fast": "p4", "medium": "p5", "slow": "p6",
    "slower": "p7",
}  # fmt: skip
# AV1's scale of quality goes to 63, the others' to 51.
_AV1_SCALE = 63 / 51


def _options(job: VideoJob, name: str, quality: float) -> Options:
    return {
        "c:v": name,
        "preset": _PRESETS[job.policy.preset],
        "tune": "hq",
        # Constant quality, up to a bound: the bit rate itself is none.
        "rc": "vbr",
        "cq": f"{quality:g}",
        "b:v": 0,
        "maxrate": f"{job.max_kbps}k",
        "bufsize": f"{job.buffer_kbit}k",
        # No frame is shown later than it is decoded, and none looks beyond its GOP.
        "bf": 0,
        "rc-lookahead": 0,
        "forced-idr": 1,
        "strict_gop": 1,
        **key_frames(job.gop_frames),
    }


def _h264(job: VideoJob) -> Options:
    return {**_options(job, "h264_nvenc", job.crf), "profile:v": "high"}


def _hevc(job: VideoJob) -> Options:
    return {**_options(job, "hevc_nvenc", job.crf), "profile:v": "main", "tag:v": "hvc1"}


def _av1(job: VideoJob) -> Options:
    return _options(job, "av1_nvenc", job.crf * _AV1_SCALE)


def _on_card(software: VideoEncoder, name: str) -> VideoEncoder:
    options = {"h264": _h264, "hevc": _hevc, "av1": _av1}[software.codec]
    return replace(software, name=name, options=options, capability="nvenc", reserves=True)


NVENC = (_on_card(H264, "h264_nvenc"), _on_card(HEVC, "hevc_nvenc"), _on_card(AV1, "av1_nvenc"))
