"""Sources as the probe would describe them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gilfoyle.media.info import AudioInfo, MediaInfo, VideoInfo


def video(**changes: Any) -> VideoInfo:
    """1080p30 H.264, 60 s from 0."""
    return VideoInfo(
        index=0,
        codec="h264",
        pixel_format="yuv420p",
        width=1920,
        height=1080,
        frame_rate=Fraction(30),
        variable=False,
        start=Fraction(0),
        end=Fraction(60),
        interlaced=False,
        rotation=0,
    ).model_copy(update=changes)


def audio(**changes: Any) -> AudioInfo:
    """Stereo AAC, 60 s from 0."""
    return AudioInfo(
        index=1,
        codec="aac",
        channels=2,
        sample_rate=48_000,
        start=Fraction(0),
        end=Fraction(60),
        language=None,
        default=True,
    ).model_copy(update=changes)


def media(video: VideoInfo | None, *audio: AudioInfo, **changes: Any) -> MediaInfo:
    """An MP4 that holds them."""
    return MediaInfo(
        container="mov", exact_seek=True, start=Fraction(0), bit_rate=None, video=video, audio=list(audio)
    ).model_copy(update=changes)
