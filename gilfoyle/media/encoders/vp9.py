"""VP9 by libvpx: free of licences, for browsers that lack AV1."""

from __future__ import annotations

from gilfoyle.media.encoders.base import Options, VideoEncoder, VideoJob

# libvpx at this much more looks like x264 at `veryfast`, on its scale of 0 to 63 (VMAF of 5 s of Big Buck Bunny).
_CRF = 10
_MOST_CRF = 63
# `cpu-used`, of which 5 is the fastest that is meant for files.
_SPEEDS = {
    "ultrafast": 5, "superfast": 5, "veryfast": 5, "faster": 4, "fast": 3, "medium": 2, "slow": 1, "slower": 0,
}  # fmt: skip


def _options(job: VideoJob) -> Options:
    return {
        "c:v": "libvpx-vp9",
        "deadline": "good",
        "cpu-used": _SPEEDS[job.policy.preset],
        "row-mt": 1,
        "crf": f"{min(job.crf + _CRF, _MOST_CRF):g}",
        # Together with `crf`, the bound (constrained quality).
        "b:v": f"{job.max_kbps}k",
        "maxrate": f"{job.max_kbps}k",
        "bufsize": f"{job.buffer_kbit}k",
        "g": job.gop_frames,
        "keyint_min": job.gop_frames,
        "threads": job.threads,
    }


def _describe(config: bytes) -> str:
    """Profile, level, bit depth (VP Codec ISO Media File Format Binding); after the box's version and flags."""
    return f"vp09.{config[4]:02d}.{config[5]:02d}.{config[6] >> 4:02d}"


VP9 = VideoEncoder("vp9", "libvpx-vp9", b"vp09", b"vpcC", _options, _describe)
