"""ffprobe's JSON, before it is judged: which streams matter, and what the container declares."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gilfoyle.media.images import is_image
from gilfoyle.media.unplayable import MARK

# Dispositions of video streams that are not the film: a cover, chapter images, what a player shows when seeking,
# or one tile of an image.
_COVERS = ("attached_pic", "timed_thumbnails", "still_image", "dependent")
# Some programs write the cover of a song as an ordinary track.
_AUDIO_BRANDS = {"M4A", "M4B", "M4P"}
_COVER_CODECS = {"mjpeg", "png", "bmp", "gif", "tiff", "webp"}
# A video whose area is a smaller part than this of the largest is a preview: some cameras mark it as the default.
_PREVIEW = 4
# A video that lasts for a smaller part than this of the longest is a still before it, or after it.
_BRIEF = 10

# Containers with an index of exact stamps: any range of frames can be reached by a seek.
EXACT = {"mov", "matroska"}


# Those that carry broadcasts and live recordings, whose clocks are known to leap ahead.
_LEAPING = {"mpegts", "mpeg", "ogg", "flv"}


# Video streams without a container: their stamps are made up, and some frames have none.
_RAW = {"h264", "hevc", "vvc", "m4v", "mpegvideo", "vc1", "cavsvideo"}


def is_raw(probe: Mapping[str, Any]) -> bool:
    """Whether it is a raw stream: its frames come one after the other, at the rate that it says or 25 a second."""
    return container(probe) in _RAW


def lacks_times(container: str) -> bool:
    """Whether packets have no presentation time where it follows from the order in which they are decoded.

    MPEG program streams: of several frames in a PES packet only the first has one (ISO/IEC 13818-1, 2.7.4).
    """
    return container == "mpeg"


def needs_full_scan(probe: Mapping[str, Any]) -> bool:
    """Whether only reading every packet tells when the streams end, because a seek to the end can't be trusted."""
    return container(probe) not in EXACT | {"wav", "flac", "w64", "aiff", "caf"} or is_fragmented(probe)


def is_indexed(probe: Mapping[str, Any]) -> bool:
    """Whether it is an MP4 or MOV whose index describes every frame."""
    return container(probe) == "mov" and not is_fragmented(probe)


def is_fragmented(probe: Mapping[str, Any]) -> bool:
    """Whether it is an MP4 in fragments: its index does not say how many frames there are, nor how long they last."""
    wanted = wanted_streams(probe)
    return container(probe) == "mov" and not any(
        stream.get("nb_frames") for stream in probe.get("streams", []) if stream["index"] in wanted
    )


def may_leap(probe: Mapping[str, Any]) -> bool:
    """Whether a step ahead by many seconds is a leap of its clock; elsewhere it is a pause, and the frame stands."""
    return container(probe) in _LEAPING or is_fragmented(probe)


def time_bases(probe: Mapping[str, Any]) -> dict[int, Fraction]:
    """The length of a tick of each stream that matters (index → seconds), the video's first."""
    bases = {int(stream["index"]): rate(stream.get("time_base")) for stream in probe.get("streams", [])}
    return {index: bases[index] or Fraction(1, 90_000) for index in wanted_streams(probe)}


def stream_end(probe: Mapping[str, Any], index: int) -> Fraction | None:
    """When a stream ends as the container says of that stream itself (seconds on its clock); None if it doesn't."""
    stream = next(stream for stream in probe["streams"] if stream["index"] == index)
    if container(probe) == "matroska":  # its muxers leave it as a tag, counted from 0
        return _clock_time(str(stream.get("tags", {}).get("DURATION", "")))
    if not stream.get("duration") or is_fragmented(probe):
        return None
    return seconds(stream.get("start_time")) + seconds(stream["duration"])


def _clock_time(text: str) -> Fraction | None:
    """Seconds of `01:02:03.5`."""
    parts = text.split(":")
    try:
        hours, minutes, rest = parts
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(rest)
    except ValueError:
        return None


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
    """The indexes of the streams that matter: the video and every audio track."""
    video = video_stream(probe)
    return [int(stream["index"]) for stream in [*([video] if video else []), *audio_streams(probe)]]


def container(probe: Mapping[str, Any]) -> str:
    """The demuxer's first name, such as `mov`."""
    return str(probe.get("format", {}).get("format_name", "")).split(",")[0]


def every_video_stream(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every video stream, whether it can be played or not; covers, thumbnails and the like do not count."""
    is_song = _is_audio_file(probe)
    return [
        stream
        for stream in probe.get("streams", [])
        if stream.get("codec_type") == "video"
        and not any(stream.get("disposition", {}).get(name) for name in _COVERS)
        and not (is_song and stream.get("codec_name") in _COVER_CODECS)
    ]


def every_audio_stream(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every audio stream, whether it can be played or not."""
    return [stream for stream in probe.get("streams", []) if stream.get("codec_type") == "audio"]


def texts(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every stream of captions or subtitles, whether it is text or images of text."""
    return [stream for stream in probe.get("streams", []) if stream.get("codec_type") == "subtitle"]


def video_stream(probe: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The video stream that is the film; None if none can be played.

    The default one, else the first; but what moves goes before a still, and a tiny video is only a preview.
    """
    found = [stream for stream in every_video_stream(probe) if _is_known(stream) and stream.get("width")]
    largest = max(map(_area, found), default=0)
    longest = max((_length(stream) or 0 for stream in found), default=0)

    def rank(stream: Mapping[str, Any]) -> tuple[bool, bool, bool]:
        length = _length(stream)
        still = stream.get("nb_frames") == "1" or (length is not None and _BRIEF * length < longest)
        tiny = _PREVIEW * _area(stream) < largest
        return still, tiny, not stream.get("disposition", {}).get("default")

    return min(found, key=rank, default=None)


def lacks_sizes(probe: Mapping[str, Any]) -> bool:
    """Whether there is a video stream of which ffprobe has seen no frame: it begins late, or is a single image."""
    return any(_is_known(stream) and not stream.get("width") for stream in every_video_stream(probe))


def audio_streams(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every audio stream that can be played."""
    return [
        stream
        for stream in every_audio_stream(probe)
        if _is_known(stream) and int(stream.get("sample_rate") or 0) > 0 and int(stream.get("channels") or 0) > 0
    ]


def is_still(probe: Mapping[str, Any], stream: Mapping[str, Any]) -> bool:
    """Whether that stream is one image that lasts for no time of its own: a photo, not a film of one frame."""
    is_item = container(probe) == "mov" and not stream.get("duration")  # of HEIF, outside of all tracks
    return stream.get("nb_frames") == "1" and (is_image(probe) or is_item)


def _is_known(stream: Mapping[str, Any]) -> bool:
    return MARK not in stream and stream.get("codec_name") not in (None, "unknown")


def _is_audio_file(probe: Mapping[str, Any]) -> bool:
    """Whether the container says that it holds a song or an audio book: an image beside its audio is the cover."""
    brand = str(probe.get("format", {}).get("tags", {}).get("major_brand", "")).strip()
    return brand in _AUDIO_BRANDS and bool(every_audio_stream(probe))


def _length(stream: Mapping[str, Any]) -> float | None:
    """How long a stream says that it lasts (seconds); Matroska's say it in a tag, if they do."""
    try:
        if stream.get("duration") not in (None, "N/A"):
            return float(stream["duration"])
        hours, minutes, left = str(stream.get("tags", {})["DURATION"]).split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(left)
    except (KeyError, ValueError):
        return None


def _area(stream: Mapping[str, Any]) -> int:
    return int(stream.get("width") or 0) * int(stream.get("height") or 0)


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
