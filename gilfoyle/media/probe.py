"""What a source is: ffprobe's JSON read into `MediaInfo`, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import langcodes
from pydantic import BaseModel, ConfigDict

from gilfoyle.errors import UnsupportedMedia

# Demuxers that may open an upload. No playlists, no concat, no images, no devices: an upload must not make the server
# read another file or URL.
FORMATS = (
    "mov", "matroska", "mpegts", "mpeg", "avi", "flv", "asf", "mxf", "ogg", "wav", "w64", "aiff", "caf", "flac",
    "mp3", "aac", "ac3", "eac3", "amr", "ivf", "h264", "hevc", "m4v", "mpegvideo", "dv", "rm",
)  # fmt: skip

# Containers with an index of exact stamps: any range of frames can be reached by a seek.
_EXACT = {"mov", "matroska"}
_STILL_BRANDS = {"avif", "avis", "heic", "heix", "heis", "heim", "hevc", "mif1", "msf1"}
_HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}


class VideoInfo(BaseModel):
    """The video stream that is encoded. Times in seconds on the container's clock."""

    model_config = ConfigDict(frozen=True)

    index: int
    codec: str
    pixel_format: str
    width: int
    """Display width in square pixels, after rotation and pixel shape."""
    height: int
    average_rate: Fraction
    variable: bool
    """The stamps are not those of a constant rate."""
    start: Fraction
    end: Fraction
    """When the last frame ends."""
    interlaced: bool
    hdr: bool
    rotation: int
    """Degrees, as the container says; ffmpeg turns the picture itself."""


class AudioInfo(BaseModel):
    """An audio stream. Times in seconds on the container's clock."""

    model_config = ConfigDict(frozen=True)

    index: int
    codec: str
    channels: int
    sample_rate: int
    start: Fraction
    end: Fraction
    language: str | None
    """BCP 47, its shortest form: `de`, where containers say `ger` or `deu`."""
    default: bool


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

    @property
    def main_audio(self) -> AudioInfo | None:
        """The default audio stream, else the first."""
        return next((stream for stream in self.audio if stream.default), self.audio[0] if self.audio else None)


class Limits(BaseModel):
    """What is refused: seconds, pixels, a count."""

    duration_s: float
    side_px: int
    streams: int


def needs_full_scan(probe: Mapping[str, Any]) -> bool:
    """Whether only reading every packet tells when the streams end, because a seek to the end can't be trusted."""
    return _container(probe) not in _EXACT | {"wav", "flac", "w64", "aiff", "caf"}


def declared_duration(probe: Mapping[str, Any]) -> float | None:
    """What the container says its duration is, in seconds from 0."""
    try:
        return float(probe["format"]["duration"])
    except (KeyError, ValueError):
        return None


def declared_end(probe: Mapping[str, Any]) -> float | None:
    """When the container says that it ends, in seconds on its own clock.

    Matroska's duration counts from 0, however late its first stamp is; that of others from their start.
    """
    duration = declared_duration(probe)
    if duration is None or _container(probe) == "matroska":
        return duration
    return float(_seconds(probe["format"].get("start_time"))) + duration


def precheck(probe: Mapping[str, Any], limits: Limits) -> None:
    """Refuse at once what the header alone condemns. Raises UnsupportedMedia."""
    streams = probe.get("streams", [])
    if len(streams) > limits.streams:
        raise UnsupportedMedia(
            f"The file has {len(streams)} streams; at most {limits.streams} are accepted.",
            code="too_many_streams",
        )
    brand = str(probe.get("format", {}).get("tags", {}).get("major_brand", "")).strip()
    if brand in _STILL_BRANDS:
        raise UnsupportedMedia("This is a picture, not a video or audio file.", code="still_image")
    if not wanted_streams(probe):
        protected = any(stream.get("codec_tag_string") in {"encv", "enca", "drmi", "drms"} for stream in streams)
        if protected:
            raise UnsupportedMedia("The file is protected (DRM) and can't be decoded.", code="protected")
        raise UnsupportedMedia("The file holds no video or audio that can be decoded.", code="no_streams")
    check_sizes(probe, limits)
    duration = declared_duration(probe)
    if duration is not None and duration > limits.duration_s:
        raise UnsupportedMedia(
            f"The media lasts {duration:.0f} s; at most {limits.duration_s:.0f} s are accepted.",
            code="too_long",
        )


def check_sizes(probe: Mapping[str, Any], limits: Limits) -> None:
    """Refuse a picture that is too large in any stream. Raises UnsupportedMedia."""
    for stream in probe.get("streams", []):
        width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
        if max(width, height) > limits.side_px:
            raise UnsupportedMedia(
                f"The picture is {width}×{height} pixels; at most {limits.side_px} a side are accepted.",
                code="picture_too_large",
            )


def read(probe: Mapping[str, Any], ends: Mapping[int, Fraction], limits: Limits) -> MediaInfo:
    """Make MediaInfo of `ffprobe -show_format -show_streams` and the measured end of each stream (index → seconds).

    Raises UnsupportedMedia, with a reason for a person, for what can never be streamed.
    """
    precheck(probe, limits)
    video = _video_stream(probe)
    info = MediaInfo(
        container=_container(probe),
        exact_seek=_container(probe) in _EXACT,
        start=_seconds(probe["format"].get("start_time")),
        bit_rate=int(probe["format"]["bit_rate"]) if probe["format"].get("bit_rate") else None,
        video=_read_video(video, ends) if video else None,
        audio=[_read_audio(stream, ends) for stream in _audio_streams(probe) if stream["index"] in ends],
    )
    if info.video and max(info.video.width, info.video.height) > 4 * limits.side_px:
        raise UnsupportedMedia("The shape of the picture's pixels is absurd.", code="picture_too_large")
    streams = [stream for stream in (info.video, info.main_audio) if stream]
    if not streams:
        raise UnsupportedMedia("The file holds no frames that can be decoded.", code="no_frames")
    measured = max(float(stream.end - stream.start) for stream in streams)
    if measured > limits.duration_s:
        raise UnsupportedMedia(
            f"The media lasts {measured:.0f} s; at most {limits.duration_s:.0f} s are accepted.",
            code="too_long",
        )
    return info


def wanted_streams(probe: Mapping[str, Any]) -> list[int]:
    """The indexes of the streams that matter: the picture and every sound."""
    video = _video_stream(probe)
    return [int(stream["index"]) for stream in [*([video] if video else []), *_audio_streams(probe)]]


def _container(probe: Mapping[str, Any]) -> str:
    return str(probe.get("format", {}).get("format_name", "")).split(",")[0]


def _video_stream(probe: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The default video stream, else the first; cover art and what has no decoder don't count."""
    found = [
        stream
        for stream in probe.get("streams", [])
        if stream.get("codec_type") == "video"
        and stream.get("codec_name") not in (None, "unknown")
        and stream.get("width")
        and not stream.get("disposition", {}).get("attached_pic")
    ]
    return min(found, key=lambda stream: not stream.get("disposition", {}).get("default"), default=None)


def _audio_streams(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        stream
        for stream in probe.get("streams", [])
        if stream.get("codec_type") == "audio"
        and stream.get("codec_name") not in (None, "unknown")
        and int(stream.get("sample_rate") or 0) > 0
        and int(stream.get("channels") or 0) > 0
    ]


def _read_video(stream: Mapping[str, Any], ends: Mapping[int, Fraction]) -> VideoInfo:
    average, real = _rate(stream.get("avg_frame_rate")), _rate(stream.get("r_frame_rate"))
    start = _seconds(stream.get("start_time"))
    end = ends.get(int(stream["index"]), start)
    if end <= start or not (average or real):
        raise UnsupportedMedia(
            "The video stream holds no frames; the file was probably cut short or written wrongly.",
            code="no_frames",
        )
    width, height, rotation = _display_size(stream)
    return VideoInfo(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        pixel_format=str(stream.get("pix_fmt", "unknown")),
        width=width,
        height=height,
        average_rate=average or real,
        variable=bool(average and real and abs(average - real) > real / 2000),
        start=start,
        end=end,
        interlaced=stream.get("field_order", "progressive") in {"tt", "bb", "tb", "bt"},
        hdr=stream.get("color_transfer") in _HDR_TRANSFERS,
        rotation=rotation,
    )


def _read_audio(stream: Mapping[str, Any], ends: Mapping[int, Fraction]) -> AudioInfo:
    return AudioInfo(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        channels=int(stream["channels"]),
        sample_rate=int(stream["sample_rate"]),
        start=_seconds(stream.get("start_time")),
        end=ends[int(stream["index"])],
        language=_language(stream.get("tags", {}).get("language")),
        default=bool(stream.get("disposition", {}).get("default")),
    )


def _language(tag: str | None) -> str | None:
    """The tag as HLS wants it (RFC 5646); None for `und`, and for what is not a language."""
    if not tag or not langcodes.tag_is_valid(tag) or tag == "und":
        return None
    return langcodes.standardize_tag(tag)


def _display_size(stream: Mapping[str, Any]) -> tuple[int, int, int]:
    """Width and height in square pixels as a person sees them, and the rotation in degrees."""
    width, height = int(stream["width"]), int(stream["height"])
    shape = _rate(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or Fraction(1)
    if shape > 1:
        width = round(width * shape)
    elif shape < 1:
        height = round(height / shape)
    rotation = next(
        (int(float(data["rotation"])) for data in stream.get("side_data_list", []) if "rotation" in data), 0
    )
    if rotation % 180:
        width, height = height, width
    return width, height, rotation


def _rate(text: str | None) -> Fraction:
    """A fraction as ffprobe prints it; 0 for `0/0` and for nothing."""
    try:
        return Fraction(text or 0)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _seconds(text: str | None) -> Fraction:
    try:
        return Fraction(text or 0)
    except ValueError:
        return Fraction(0)
