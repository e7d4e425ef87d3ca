"""H.264 by x264: what plays everywhere."""

from __future__ import annotations

from gilfoyle.media.encoders.base import BUFFER_LEFT, Options, VideoEncoder, VideoJob


def _options(job: VideoJob) -> Options:
    left = {} if job.is_first else {"x264-params": f"vbv-init={BUFFER_LEFT}"}
    return {
        "c:v": "libx264",
        "preset": job.policy.preset,
        "profile:v": "high",
        "crf": f"{job.crf:g}",
        "maxrate": f"{job.max_kbps}k",
        "bufsize": f"{job.buffer_kbit}k",
        "g": job.gop_frames,
        "keyint_min": job.gop_frames,
        "sc_threshold": 0,
        "flags": "+cgop",
        "threads": job.threads,
        **left,
    }


def _describe(config: bytes) -> str:
    """Profile, constraints and level (ISO/IEC 14496-15, 5.3.3.1)."""
    return f"avc1.{config[1:4].hex()}"


H264 = VideoEncoder("h264", "libx264", b"avc1", b"avcC", _options, _describe)
