"""What is refused for what its header says, before anything is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.header import pictures, sounds, video_stream, wanted_streams
from gilfoyle.media.unplayable import MARK, codecs


class Limits(BaseModel):
    """What is refused: seconds, pixels, a count."""

    duration_s: float
    side_px: int
    streams: int


def precheck(probe: Mapping[str, Any], limits: Limits) -> None:
    """Refuse at once what the header alone condemns; never for a length, which is only declared.

    Raises UnsupportedMedia.
    """
    count = len(pictures(probe)) + len(sounds(probe))
    if count > limits.streams:
        raise UnsupportedMedia(
            f"The file has {count} tracks of pictures and sound; at most {limits.streams} are accepted.",
            code="too_many_streams",
        )
    if not wanted_streams(probe):
        raise _nothing_plays([*pictures(probe), *sounds(probe)])
    check_sizes(probe, limits)


def _nothing_plays(streams: Sequence[Mapping[str, Any]]) -> UnsupportedMedia:
    if any(stream.get(MARK) == "encrypted" for stream in streams):
        return UnsupportedMedia(
            "The file is encrypted (DRM) and can't be played; send a copy without protection.", code="protected"
        )
    unknown = [stream for stream in streams if stream.get(MARK) == "no_decoder"]
    if unknown:
        return UnsupportedMedia(
            f"There is no decoder for what the file holds ({codecs(unknown)}); send it as H.264 with AAC.",
            code="no_decoder",
        )
    return UnsupportedMedia("The file holds no video or audio that can be decoded.", code="no_streams")


def check_duration(seconds: float, limits: Limits) -> None:
    """Refuse what is too long, to the nearest second: encoders add a frame or two. Raises UnsupportedMedia."""
    if round(seconds) > limits.duration_s:
        raise UnsupportedMedia(
            f"The media lasts {seconds:.0f} s; at most {limits.duration_s:.0f} s are accepted.",
            code="too_long",
        )


def check_sizes(probe: Mapping[str, Any], limits: Limits) -> None:
    """Refuse a picture that is too large, if it is the one that is wanted: not a cover. Raises UnsupportedMedia."""
    stream = video_stream(probe) or {}
    width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
    if max(width, height) > limits.side_px:
        raise UnsupportedMedia(
            f"The picture is {width}×{height} pixels; at most {limits.side_px} a side are accepted.",
            code="picture_too_large",
        )
