"""ffprobe's JSON, before it is judged: which streams matter, and what the container declares."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

# Demuxers that may open an upload. No playlists, no concat, no images, no devices: an upload must not make the server
# read another file or URL.
FORMATS = (
    "mov", "matroska", "mpegts", "mpeg", "avi", "flv", "asf", "mxf", "ogg", "wav", "w64", "aiff", "caf", "flac",
    "mp3", "aac", "ac3", "eac3", "amr", "ivf", "h264", "hevc", "m4v", "mpegvideo", "dv", "rm",
)  # fmt: skip

# Containers with an index of exact stamps: any range of frames can be reached by a seek.
EXACT = {"mov", "matroska"}


def needs_full_scan(probe: Mapping[str, Any]) -> bool:
    """Whether only reading every packet tells when the streams end, because a seek to the end can't be trusted."""
    return container(probe) not in EXACT | {"wav", "flac", "w64", "aiff", "caf"}


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
    if duration is None or container(probe) == "matroska":
        return duration
    return float(seconds(probe["format"].get("start_time"))) + duration


def wanted_streams(probe: Mapping[str, Any]) -> list[int]:
    """The indexes of the streams that matter: the picture and every sound."""
    video = video_stream(probe)
    return [int(stream["index"]) for stream in [*([video] if video else []), *audio_streams(probe)]]


def container(probe: Mapping[str, Any]) -> str:
    """The demuxer's first name, such as `mov`."""
    return str(probe.get("format", {}).get("format_name", "")).split(",")[0]


def video_stream(probe: Mapping[str, Any]) -> Mapping[str, Any] | None:
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


def audio_streams(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every stream of sound that has a decoder."""
    return [
        stream
        for stream in probe.get("streams", [])
        if stream.get("codec_type") == "audio"
        and stream.get("codec_name") not in (None, "unknown")
        and int(stream.get("sample_rate") or 0) > 0
        and int(stream.get("channels") or 0) > 0
    ]


def rate(text: str | None) -> Fraction:
    """A fraction as ffprobe prints it; 0 for `0/0` and for nothing."""
    try:
        return Fraction(text or 0)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def seconds(text: str | None) -> Fraction:
    """A time as ffprobe prints it; 0 for `N/A` and for nothing."""
    try:
        return Fraction(text or 0)
    except ValueError:
        return Fraction(0)
