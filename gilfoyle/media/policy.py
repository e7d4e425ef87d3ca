"""What the operator decides about encoding, the `encoding` part of the config: ladder, GOPs, segments, chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gilfoyle.media.clip import Clip

Codec = Literal["h264", "hevc", "av1", "vp9"]
Capability = Literal["nvenc", "qsv", "vaapi", "openh264"]
CAPABILITIES: Mapping[Capability, tuple[Codec, ...]] = {
    "nvenc": ("h264", "hevc", "av1"),
    "qsv": ("h264", "hevc", "av1"),
    "vaapi": ("h264", "hevc", "av1"),
    "openh264": ("h264",),
}
"""What encodes in the place of the software that a codec has by default, and which codecs. Not all workers have it."""


class Policy(BaseModel):
    """Strict and immutable: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class VideoRung(Policy):
    """A rendition of the video."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"height": 1080, "max_kbps": 5000}]})

    height: int = Field(ge=16, le=8192, description="short side of the 16:9 box the video must fit, in pixels")
    max_kbps: int = Field(ge=50, description="bound of the bit rate over `buffer_s`, in kbit/s")
    crf: float = Field(
        21,
        ge=0,
        le=51,
        strict=True,
        description="quality, on x264's scale for any codec; easy scenes cost less than the bound",
    )
    codec: Codec = Field(
        "h264",
        description="h264, hevc, av1 or vp9; the first plays everywhere, the others take fewer bits where they play",
    )


class AudioRung(Policy):
    """A rendition of each audio track."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kbps": 128}]})

    kbps: int = Field(ge=16, le=512, description="bit rate of so many channels, in kbit/s; mono takes half of stereo's")
    codec: Literal["aac", "he-aac", "opus"] = Field(
        "aac", description="aac, he-aac or opus; the first plays everywhere, the others take fewer bits where they play"
    )
    channels: Literal[2, 6] = Field(
        2, description="2: stereo, of any audio; 6: 5.1, of audio with as many channels, beside stereo"
    )


VideoLadder = Annotated[list[VideoRung], Field(min_length=1, max_length=12)]
AudioLadder = Annotated[list[AudioRung], Field(min_length=1, max_length=8)]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]


class EncodingSettings(Policy):
    """How the operator wants medias encoded: the section `encoding` of the settings."""

    video: VideoLadder = Field(
        [
            VideoRung(height=1080, max_kbps=5000),
            VideoRung(height=720, max_kbps=2800),
            VideoRung(height=480, max_kbps=1400),
            VideoRung(height=360, max_kbps=800),
        ],
        description="the ladder; a rung that would upscale is left out, at least one always remains",
    )
    audio: AudioLadder = Field(
        [AudioRung(kbps=128), AudioRung(kbps=64)],
        description="of each codec and number of channels the first goes with video; a media without video gets all",
    )
    encoders: dict[Codec, Capability] = Field(
        {},
        description="what encodes a codec in the place of x264, x265 …, on workers of its own (`transcode-nvenc` …): "
        "nvenc, qsv or vaapi (h264, hevc, av1), openh264 (h264)",
    )
    preset: Preset = Field("veryfast", description="x264 preset: slower ones make smaller files")
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

    @field_validator("encoders")
    @classmethod
    def _are_there(cls, encoders: dict[Codec, Capability]) -> dict[Codec, Capability]:
        """Each can encode what it is to."""
        for codec, capability in encoders.items():
            if codec not in CAPABILITIES[capability]:
                able = ", ".join(CAPABILITIES[capability])
                raise ValueError(f"names {capability} for {codec}, and it encodes {able}")
        return encoders

    @field_validator("audio")
    @classmethod
    def _has_stereo(cls, rungs: list[AudioRung]) -> list[AudioRung]:
        """Most sources have no 5.1, and none may be left without its audio."""
        if all(rung.channels > 2 for rung in rungs):
            raise ValueError("needs a rung of 2 channels: of most sources there is no 5.1")
        return rungs


class EncodingPolicy(EncodingSettings):
    """How one media is encoded. Handed to its workflow at the start, so a change never touches one that runs."""

    clip: Clip | None = None
    """The part of the source that is encoded; None: all of it."""

    @classmethod
    def of(cls, settings: EncodingSettings) -> Self:
        """The policy of a media of which nothing else is said."""
        return cls(**{name: getattr(settings, name) for name in EncodingSettings.model_fields})
