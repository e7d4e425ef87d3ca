"""The codecs that are made, one module each. Of sound, that is AAC-LC (media/ffmpeg.py)."""

from __future__ import annotations

from gilfoyle.media.encoders.av1 import AV1
from gilfoyle.media.encoders.base import VideoEncoder, VideoJob
from gilfoyle.media.encoders.h264 import H264
from gilfoyle.media.encoders.hevc import HEVC
from gilfoyle.media.encoders.vp9 import VP9

__all__ = ["VIDEO_ENCODERS", "VideoEncoder", "VideoJob"]

VIDEO_ENCODERS: dict[str, VideoEncoder] = {encoder.codec: encoder for encoder in (H264, HEVC, AV1, VP9)}
"""By the name that the settings have for the codec. What plays in more places comes first."""
