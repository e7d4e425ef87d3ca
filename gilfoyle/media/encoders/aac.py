"""AAC-LC by ffmpeg's own encoder: what plays everywhere."""

from __future__ import annotations

from gilfoyle.media.encoders import esds
from gilfoyle.media.encoders.base import AudioEncoder
from gilfoyle.media.timeline import AAC_FRAME

# One frame of delay (ISO/IEC 14496-3).
AAC = AudioEncoder("aac", "aac", b"mp4a", b"esds", AAC_FRAME, AAC_FRAME, {}, esds.describe)
