"""What the operator decides about encoding, the `encoding` part of the config: ladder, GOPs, segments, chunks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Policy(BaseModel):
    """Strict and immutable: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class VideoRung(Policy):
    height: int = Field(ge=16, le=8192, description="short side of the 16:9 box the picture must fit, in pixels")
    max_kbps: int = Field(ge=50, description="bound of the bit rate over `buffer_s`, in kbit/s")
    crf: float = Field(
        21,
        ge=0,
        le=51,
        description="quality, on x264's scale for any codec; easy pictures cost less than the bound",
    )
    codec: Literal["h264", "hevc", "av1", "vp9"] = Field(
        "h264",
        description="h264, hevc, av1 or vp9; the first plays everywhere, the others take fewer bits where they play",
    )


class AudioRung(Policy):
    kbps: int = Field(ge=16, le=512, description="AAC-LC bit rate of a stereo rendition, in kbit/s; mono takes half")


class EncodingPolicy(Policy):
    """How a media is encoded. Handed to its workflow at the start, so a change never touches one that runs."""

    video: Annotated[list[VideoRung], Field(min_length=1, max_length=12)] = Field(
        [
            VideoRung(height=1080, max_kbps=5000),
            VideoRung(height=720, max_kbps=2800),
            VideoRung(height=480, max_kbps=1400),
            VideoRung(height=360, max_kbps=800),
        ],
        description="the ladder; a rung that would upscale is left out, at least one always remains",
    )
    audio: Annotated[list[AudioRung], Field(min_length=1, max_length=4)] = Field(
        [AudioRung(kbps=128), AudioRung(kbps=64)],
        description="the first goes with video; a media without video gets all of them",
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = Field(
        "veryfast", description="x264 preset: slower ones make smaller files"
    )
    buffer_s: float = Field(1.5, ge=0.5, le=10, description="x264 rate buffer, in seconds at `max_kbps`")
    max_frame_rate: float = Field(60, ge=1, le=240, description="faster sources are halved until they fit (frames/s)")
    gop_s: float = Field(2, ge=0.5, le=10, description="about how long a GOP is, in seconds; whole frames")
    segment_gops: int = Field(2, ge=1, le=10, description="GOPs in a segment: 2 s × 2 gives segments of 4 s")
    chunk_s: float = Field(32, ge=4, le=600, description="longest chunk, in seconds: the unit of retry and resume")
    head: float = Field(
        0.34,
        ge=0,
        le=1,
        description="share of the media through which the lowest rendition goes alone and first, unless the machine "
        "encodes all of them faster than they play",
    )
    passes_in_flight: int = Field(256, ge=1, le=500, description="passes of one media scheduled at once")
    repair_pauses_s: list[Annotated[float, Field(ge=0, le=86400)]] = Field(
        [0, 5, 15, 45, 135, 300],
        max_length=20,
        description="before what the storage has lost is encoded again, once for each (seconds); then the media is "
        "given up",
    )
