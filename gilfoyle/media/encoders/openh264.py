"""H.264 by Cisco's OpenH264, whose licence is another than x264's. It has no constant quality: it aims at the bound."""

from __future__ import annotations

from dataclasses import replace

from gilfoyle.media.encoders.base import Options, VideoJob, key_frames
from gilfoyle.media.encoders.h264 import H264


def _options(job: VideoJob) -> Options:
    return {
        "c:v": "libopenh264",
        "profile:v": "high",
        "rc_mode": "bitrate",
        "b:v": f"{job.max_kbps}k",
        "maxrate": f"{job.max_kbps}k",
        "threads": job.threads,
        **key_frames(job.gop_frames),
    }


OPENH264 = (replace(H264, name="libopenh264", options=_options, capability="openh264"),)
