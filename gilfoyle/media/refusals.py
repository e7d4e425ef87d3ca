"""What is refused for what its header says, before anything is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.header import declared_duration, wanted_streams

_STILL_BRANDS = {"avif", "avis", "heic", "heix", "heis", "heim", "hevc", "mif1", "msf1"}


class Limits(BaseModel):
    """What is refused: seconds, pixels, a count."""

    duration_s: float
    side_px: int
    streams: int


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
    if duration is not None:
        check_duration(duration, limits)


def check_duration(seconds: float, limits: Limits) -> None:
    """Refuse what is too long, to the nearest second: encoders add a frame or two. Raises UnsupportedMedia."""
    if round(seconds) > limits.duration_s:
        raise UnsupportedMedia(
            f"The media lasts {seconds:.0f} s; at most {limits.duration_s:.0f} s are accepted.",
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
