"""What was found in a media's file, as clients see it: plain numbers and names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gilfoyle.api import examples
from gilfoyle.media.colour import Colour
from gilfoyle.media.info import AudioInfo, MediaInfo, TextInfo, VideoInfo
from gilfoyle.media.tracks import Role

_DIGITS = 6
"""Of seconds and rates, behind the point: fractions that have no end are enough then."""
_HDR: dict[str, Literal["pq", "hlg"]] = {"smpte2084": "pq", "arib-std-b67": "hlg"}


class ColourOut(BaseModel):
    """What the numbers of a pixel mean. Names are ffmpeg's, for the code points of ITU-T H.273."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.COLOUR]})

    primaries: str
    transfer: str
    matrix: str
    range: Literal["tv", "pc"] = Field(description="`tv`: limited, `pc`: full")
    hdr: Literal["pq", "hlg"] | None = Field(description="null: SDR")


class ProbedVideo(BaseModel):
    """The file's video."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROBED_VIDEO]})

    codec: str = Field(description="as ffmpeg names it")
    width: int = Field(description="as it is shown: in square pixels, and turned")
    height: int
    frame_rate: float = Field(description="frames per second")
    variable_frame_rate: bool = Field(description="then `frame_rate` is an average, or that of its motion")
    interlaced: bool
    rotation: int = Field(description="in degrees, as the container says it")
    pixel_format: str = Field(description="as ffmpeg names it")
    bit_depth: int | None = Field(description="of each component; null if it is not known")
    colour: ColourOut = Field(description="what the file does not say is filled in")


class ProbedAudio(BaseModel):
    """One of the file's audio tracks."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROBED_AUDIO]})

    codec: str = Field(description="as ffmpeg names it")
    sample_rate: int = Field(description="in Hz")
    channels: int
    layout: str | None = Field(description="where the channels are heard, such as `5.1(side)`; null if not said")
    language: str | None = Field(description="BCP 47; null if it is not known")
    title: str | None
    role: Role
    default: bool


class ProbedText(BaseModel):
    """Captions or subtitles in the file that can be shown as text."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROBED_TEXT]})

    codec: str = Field(description="as ffmpeg names it")
    language: str | None = Field(description="BCP 47; null if it is not known")
    title: str | None
    role: Role
    default: bool


class ProbeOut(BaseModel):
    """What was found in the file; only of its audio, where only that was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROBE]})

    container: str = Field(description="as ffmpeg names it: `mov` for MP4 and its likes")
    duration_s: float = Field(description="from when its first stream begins to when the last one ends")
    bit_rate: int | None = Field(description="of the whole file, in bit/s; null if it is not known")
    video: ProbedVideo | None
    audio: list[ProbedAudio]
    text: list[ProbedText]


def probe_out(stored: Mapping[str, Any] | None) -> ProbeOut | None:
    """`stored`: MediaInfo as the catalog has it. None if there is none, or none that this release can read."""
    if stored is None:
        return None
    try:
        info = MediaInfo.model_validate(stored)
    except ValidationError:
        return None
    return ProbeOut(
        container=info.container,
        duration_s=round(float(info.duration), _DIGITS),
        bit_rate=info.bit_rate,
        video=_video(info.video) if info.video else None,
        audio=[_audio(stream) for stream in info.audio],
        text=[_text(stream) for stream in info.texts],
    )


def _video(stream: VideoInfo) -> ProbedVideo:
    return ProbedVideo(
        codec=stream.codec,
        width=stream.width,
        height=stream.height,
        frame_rate=round(float(stream.frame_rate), _DIGITS),
        variable_frame_rate=stream.variable,
        interlaced=stream.interlaced,
        rotation=stream.rotation,
        pixel_format=stream.pixel_format,
        bit_depth=stream.bit_depth,
        colour=_colour(stream.colour),
    )


def _colour(colour: Colour) -> ColourOut:
    hdr = _HDR.get(colour.transfer)
    return ColourOut(hdr=hdr, **colour.model_dump(include={"primaries", "transfer", "matrix", "range"}))


def _audio(stream: AudioInfo) -> ProbedAudio:
    shown = stream.model_dump(include=set(ProbedAudio.model_fields))
    return ProbedAudio(title=stream.label, **shown)


def _text(stream: TextInfo) -> ProbedText:
    return ProbedText(title=stream.label, **stream.model_dump(include=set(ProbedText.model_fields)))
