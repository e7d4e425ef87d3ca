"""ffprobe's JSON, read into `MediaInfo`."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import langcodes

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media import header
from gilfoyle.media.colour import read_colour
from gilfoyle.media.info import AudioInfo, MediaInfo, VideoInfo
from gilfoyle.media.pictures import STILL_RATE, is_transparent
from gilfoyle.media.rate import moving
from gilfoyle.media.refusals import Limits, check_duration, precheck
from gilfoyle.media.unplayable import omissions


def read(probe: Mapping[str, Any], ends: Mapping[int, Fraction], limits: Limits) -> MediaInfo:
    """Make MediaInfo of `ffprobe -show_format -show_streams` and the measured end of each stream (index → seconds).

    Raises UnsupportedMedia, with a reason for a person, for what can never be streamed.
    """
    precheck(probe, limits)
    video = header.video_stream(probe)
    if video and int(video["index"]) not in ends and ends:
        video = None  # a track that is declared and holds nothing, beside sound
    info = MediaInfo(
        container=header.container(probe),
        exact_seek=header.container(probe) in header.EXACT,
        start=header.seconds(probe["format"].get("start_time")),
        bit_rate=int(probe["format"]["bit_rate"]) if probe["format"].get("bit_rate") else None,
        video=_read_video(probe, video, ends) if video else None,
        audio=[_read_audio(stream, ends) for stream in header.audio_streams(probe) if stream["index"] in ends],
    )
    if info.video and max(info.video.width, info.video.height) > 4 * limits.side_px:
        raise UnsupportedMedia("The shape of the picture's pixels is absurd.", code="picture_too_large")
    streams = [stream for stream in (info.video, info.main_audio) if stream]
    if not streams:
        raise UnsupportedMedia("The file holds no frames that can be decoded.", code="no_frames")
    check_duration(max(float(stream.end - stream.start) for stream in streams), limits)
    missing = omissions(
        header.pictures(probe), header.sounds(probe), picture=bool(info.video), sound=bool(info.main_audio)
    )
    return info.model_copy(update={"warnings": missing})


def _read_video(probe: Mapping[str, Any], stream: Mapping[str, Any], ends: Mapping[int, Fraction]) -> VideoInfo:
    average, real = header.rate(stream.get("avg_frame_rate")), header.rate(stream.get("r_frame_rate"))
    start = header.seconds(stream.get("start_time"))
    end = ends.get(int(stream["index"]), start)
    if end <= start or not (average or real):
        raise UnsupportedMedia(
            "The video stream holds no frames; the file was probably cut short or written wrongly.",
            code="no_frames",
        )
    still = header.is_still(probe, stream)
    width, height, rotation = _display_size(stream)
    return VideoInfo(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        pixel_format=str(stream.get("pix_fmt", "unknown")),
        width=width,
        height=height,
        frame_rate=STILL_RATE if still else moving(average, real),
        variable=bool(average and real and abs(average - real) > real / 2000),
        start=start,
        end=end,
        interlaced=stream.get("field_order", "progressive") in {"tt", "bb", "tb", "bt"},
        colour=read_colour(stream),
        rotation=rotation,
        still=still,
        tiled=bool(stream.get("tiled")),
        transparent=is_transparent(probe),
    )


def _read_audio(stream: Mapping[str, Any], ends: Mapping[int, Fraction]) -> AudioInfo:
    return AudioInfo(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        channels=int(stream["channels"]),
        sample_rate=int(stream["sample_rate"]),
        layout=_layout(stream.get("channel_layout")),
        start=header.seconds(stream.get("start_time")),
        end=ends[int(stream["index"])],
        language=_language(stream.get("tags", {}).get("language")),
        default=bool(stream.get("disposition", {}).get("default")),
    )


def _layout(name: str | None) -> str | None:
    return None if name in (None, "", "unknown") else name


def _language(tag: str | None) -> str | None:
    """The tag as HLS wants it (RFC 5646); None for `und`, and for what is not a language."""
    if not tag or not langcodes.tag_is_valid(tag) or tag == "und":
        return None
    return langcodes.standardize_tag(tag)


def _display_size(stream: Mapping[str, Any]) -> tuple[int, int, int]:
    """Width and height in square pixels as a person sees them, and the rotation in degrees."""
    width, height = int(stream["width"]), int(stream["height"])
    shape = header.rate(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or Fraction(1)
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
