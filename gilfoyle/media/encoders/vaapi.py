"""VA-API, on the cards of Intel and AMD, of the first device that there is. Not tried on one here: by ffmpeg's
documentation."""

from __future__ import annotations

from dataclasses import replace

from gilfoyle.media.encoders.av1 import AV1
from gilfoyle.media.encoders.base import AVERAGE, Options, VideoEncoder, VideoJob, key_frames
from gilfoyle.media.encoders.h264 import H264
from gilfoyle.media.encoders.hevc import HEVC

_DEVICE = {"init_hw_device": "vaapi=card", "filter_hw_device": "card"}
_UPLOAD: tuple[tuple[str, Options], ...] = (("format", {"pix_fmts": "nv12"}), ("hwupload", {}))
# AV1's scale of quality goes to 255, the others' to 51.
_AV1_SCALE = 5


def _options(job: VideoJob, name: str, quality: float) -> Options:
    return {
        "c:v": name,
        # Constant quality, up to a bound.
        "rc_mode": "QVBR",
        "global_quality": max(1, round(quality)),
        "b:v": f"{round(job.max_kbps * AVERAGE)}k",
        "maxrate": f"{job.max_kbps}k",
        "bufsize": f"{job.buffer_kbit}k",
        # No frame is shown later than it is decoded, and each that is forced is an IDR frame.
        "bf": 0,
        **key_frames(job.gop_frames),
    }


def _h264(job: VideoJob) -> Options:
    return {**_options(job, "h264_vaapi", job.crf), "profile:v": "high"}


def _hevc(job: VideoJob) -> Options:
    return {**_options(job, "hevc_vaapi", job.crf), "profile:v": "main", "tag:v": "hvc1"}


def _av1(job: VideoJob) -> Options:
    return {**_options(job, "av1_vaapi", job.crf * _AV1_SCALE), "profile:v": "main"}


def _on_card(software: VideoEncoder, name: str) -> VideoEncoder:
    options = {"h264": _h264, "hevc": _hevc, "av1": _av1}[software.codec]
    return replace(
        software, name=name, options=options, capability="vaapi", device=_DEVICE, upload=_UPLOAD, reserves=True
    )


VAAPI = (_on_card(H264, "h264_vaapi"), _on_card(HEVC, "hevc_vaapi"), _on_card(AV1, "av1_vaapi"))
