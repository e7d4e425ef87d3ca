"""What a source is: what the rest of Gilfoyle knows of a file after it was probed."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from gilfoyle.media.clock import Shift
from gilfoyle.media.colour import Colour
from gilfoyle.media.tracks import Role
from gilfoyle.media.warnings import MediaWarning

# Names of pixel formats tell their depth; those with parts of several depths (`rgb565le`) tell none.
_DEPTH_AT_END = re.compile(r"(?:yuva?4\d\dp|gbra?p|gray|ya|p[024]|y2|x2rgb|x2bgr|xyz)(\d+)(?:msb)?(?:le|be)")
_8_BITS = re.compile(
    r"yuv[aj]?4\d\dp|nv(?:12|16|21|24|42)|yuyv422|uyvy422|yvyu422|uyyvyy411|gbra?p|gray|ya8|pal8|rgb24|bgr24"
    r"|[ar0]?(?:rgb|bgr)[a0]?|ayuv|vuy[ax]|uyva"
)
_16_BITS = re.compile(r"(?:rgb48|bgr48|rgba64|bgra64|ayuv64)(?:le|be)")


class VideoInfo(BaseModel):
    """The video stream that is encoded. Times in seconds on the container's clock."""

    model_config = ConfigDict(frozen=True)

    index: int
    codec: str
    pixel_format: str
    width: int
    """Display width in square pixels, after rotation and pixel shape."""
    height: int
    frame_rate: Fraction
    """Frames per second: the average, or where it pauses the rate at which it moves."""
    variable: bool
    """The stamps are not those of a constant rate."""
    start: Fraction
    end: Fraction
    """When the last frame ends."""
    interlaced: bool
    colour: Colour = Colour()
    rotation: int
    """Degrees, as the container says; ffmpeg turns the video itself."""
    still: bool = False
    """One image without a length of its own: a photo."""
    tiled: bool = False
    """Its tiles are streams, which ffmpeg puts together."""
    transparent: bool = False
    """Some pixels may be transparent, as in images: they are shown on white."""
    square: bool = False
    """What it says of the shape of its pixels is absurd: they are taken for square ones."""
    reshaped: bool = False
    """The shape of its pixels changes midway, as between 4:3 and 16:9 of a broadcast."""
    shifts: list[Shift] = []
    """How its clock is mended, if it begins anew or leaps in the middle of the file (media/clock.py)."""
    last: Fraction | None = None
    """When the last frame is shown, of a variable rate: it may be shorter than a frame of the grid."""
    reordered: int = 0
    """How many frames later than it is decoded a frame may be shown."""
    timeless: bool = False
    """Its packets have no times: frames come one after the other at `frame_rate`."""
    late: Fraction = Fraction(0)
    """By how much a decoded frame is stamped too late (seconds): its packets have decode times only."""

    @property
    def bit_depth(self) -> int | None:
        """Bits of each component of a pixel; None if the format is not known or mixes several."""
        if found := _DEPTH_AT_END.fullmatch(self.pixel_format):
            return int(found[1])
        return 8 if _8_BITS.fullmatch(self.pixel_format) else 16 if _16_BITS.fullmatch(self.pixel_format) else None

    @model_validator(mode="before")
    @classmethod
    def _kept_before_colour(cls, data: Any) -> Any:
        """A probe that was kept before there was `colour` tells only whether it is HDR."""
        if isinstance(data, dict) and data.get("hdr") and "colour" not in data:
            return data | {"colour": Colour(matrix="bt2020nc", primaries="bt2020", transfer="smpte2084")}
        return data


class Channel(BaseModel):
    """A mono stream that is one channel of a track: how loud it is on either side (1: as it is)."""

    model_config = ConfigDict(frozen=True)

    index: int
    left: float
    right: float
    shifts: list[Shift] = []
    """As of a VideoInfo."""
    position: str = ""
    """Where its speaker stands, in ffmpeg's words (`FL`, `LFE`); empty: of a source that an older release looked at."""


class AudioInfo(BaseModel):
    """An audio stream. Times in seconds on the container's clock."""

    model_config = ConfigDict(frozen=True)

    index: int
    codec: str
    channels: int
    sample_rate: int
    layout: str | None = None
    """Where the channels are heard, as ffmpeg names it (`5.1(side)`); None if the file does not say."""
    mono: list[Channel] = []
    """The mono streams of which it is made (media/channels.py); none, if it is a stream by itself."""
    tolerance_s: float = 0.1
    """A stamp that is so far from where the audio before it ends is a hole or an overlap; less is jitter (seconds)."""
    packet_s: Fraction = Fraction(0)
    """How long a packet lasts: what is coded is a whole number of them, and the last may be padded (seconds)."""
    start: Fraction
    end: Fraction
    language: str | None
    """BCP 47, its shortest form: `de`, where containers say `ger` or `deu`."""
    label: str | None = None
    """Its title in the file, for people."""
    role: Role = Role.MAIN
    default: bool
    shifts: list[Shift] = []
    """As of a VideoInfo."""

    @model_validator(mode="before")
    @classmethod
    def _kept_before_mono(cls, data: Any) -> Any:
        """A probe that was kept before there was `mono` knows a left and a `right` one."""
        if isinstance(data, dict) and data.get("right") is not None and "mono" not in data:
            left, right = Channel(index=data["index"], left=1, right=0), Channel(index=data["right"], left=0, right=1)
            return data | {"mono": [left, right]}
        return data


class TextInfo(BaseModel):
    """A stream of captions or subtitles that can be shown as text."""

    model_config = ConfigDict(frozen=True)

    index: int
    codec: str
    language: str | None
    label: str | None = None
    role: Role = Role.SUBTITLE
    default: bool = False


class MediaInfo(BaseModel):
    """What is known of a source after it was probed."""

    model_config = ConfigDict(frozen=True)

    container: str
    exact_seek: bool
    start: Fraction
    """The container's own start, from which ffmpeg's `-ss` counts (seconds)."""
    bit_rate: int | None
    video: VideoInfo | None
    audio: list[AudioInfo]
    texts: list[TextInfo] = []
    warnings: list[MediaWarning] = []
    """What the file itself lacks: it was cut short, frames are missing …"""

    @property
    def sought_by_decode_time(self) -> bool:
        """A seek finds the keyframe by when it is decoded, not by when it is shown."""
        return self.container == "mov"

    @property
    def duration(self) -> Fraction:
        """From when the first of its streams begins to when the last one ends (seconds)."""
        streams: list[VideoInfo | AudioInfo] = [*([self.video] if self.video else []), *self.audio]
        if not streams:
            return Fraction(0)
        return max(stream.end for stream in streams) - min(stream.start for stream in streams)

    @property
    def main_audio(self) -> AudioInfo | None:
        """The default audio stream, else the first that is no commentary or description, else the first."""
        main = [stream for stream in self.audio if stream.role == Role.MAIN] or self.audio
        return next((stream for stream in self.audio if stream.default), main[0] if main else None)
