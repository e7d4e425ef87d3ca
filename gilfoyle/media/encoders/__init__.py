"""The codecs that are made, one module each; and what makes them in the place of software, a module each."""

from __future__ import annotations

from gilfoyle.media.encoders.aac import AAC
from gilfoyle.media.encoders.av1 import AV1
from gilfoyle.media.encoders.base import AudioEncoder, VideoEncoder, VideoJob
from gilfoyle.media.encoders.h264 import H264
from gilfoyle.media.encoders.he_aac import HE_AAC
from gilfoyle.media.encoders.hevc import HEVC
from gilfoyle.media.encoders.nvenc import NVENC
from gilfoyle.media.encoders.openh264 import OPENH264
from gilfoyle.media.encoders.opus import OPUS
from gilfoyle.media.encoders.qsv import QSV
from gilfoyle.media.encoders.vaapi import VAAPI
from gilfoyle.media.encoders.vp9 import VP9

__all__ = ["AUDIO_ENCODERS", "SPECIAL_ENCODERS", "VIDEO_ENCODERS", "AudioEncoder", "VideoEncoder", "VideoJob"]

VIDEO_ENCODERS: dict[str, VideoEncoder] = {encoder.codec: encoder for encoder in (H264, HEVC, AV1, VP9)}
"""By the name that the settings have for the codec. What plays in more places comes first."""
AUDIO_ENCODERS: dict[str, AudioEncoder] = {encoder.codec: encoder for encoder in (AAC, HE_AAC, OPUS)}
"""Likewise."""
SPECIAL_ENCODERS: dict[tuple[str, str], VideoEncoder] = {
    (encoder.codec, encoder.capability): encoder for encoder in (*NVENC, *QSV, *VAAPI, *OPENH264)
}
"""What not each worker has, by codec and capability."""
