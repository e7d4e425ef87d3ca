"""What is refused for what its header says, before anything is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.dolby import check_base_layer
from gilfoyle.media.header import every_audio_stream, every_video_stream, video_stream, wanted_streams
from gilfoyle.media.kinds import is_media, is_text, recognise
from gilfoyle.media.unplayable import MARK, codecs

# What is said of a file in which nothing can be found.
_UNREAD = {"not_media", "no_streams", "no_frames"}
# What ffprobe complains of a format that it knows and may not open (media/formats.py).
_NOT_TAKEN = "not on whitelist"


class Limits(BaseModel):
    """What is refused: seconds, pixels, a count."""

    duration_s: float
    side_px: int
    streams: int


def precheck(probe: Mapping[str, Any], limits: Limits) -> None:
    """Refuse at once what the header alone condemns; never for a length, which is only declared.

    Raises UnsupportedMedia.
    """
    count = len(every_video_stream(probe)) + len(every_audio_stream(probe))
    if count > limits.streams:
        raise UnsupportedMedia(
            f"The file has {count} tracks of video and audio; at most {limits.streams} are accepted.",
            code="too_many_streams",
        )
    if not wanted_streams(probe):
        raise _nothing_plays([*every_video_stream(probe), *every_audio_stream(probe)])
    check_sizes(probe, limits)
    if video := video_stream(probe):
        check_base_layer(video)


def _nothing_plays(streams: Sequence[Mapping[str, Any]]) -> UnsupportedMedia:
    if any(stream.get(MARK) == "encrypted" for stream in streams):
        return _encrypted()
    unknown = [stream for stream in streams if stream.get(MARK) == "no_decoder"]
    if unknown:
        return UnsupportedMedia(
            f"There is no decoder for what the file holds ({codecs(unknown)}); send it as H.264 with AAC.",
            code="no_decoder",
        )
    return UnsupportedMedia("The file holds no video or audio that can be decoded.", code="no_streams")


def named(error: UnsupportedMedia, head: bytes) -> UnsupportedMedia:
    """The refusal of a file that can't be read, in words that say what it is, if its first bytes `head` tell."""
    kind = recognise(head) if error.reason in _UNREAD else None
    if kind is None:
        return _unread(error, head)
    if kind.sort == "image":
        return _image(kind.name, log=error.log)
    if kind.sort == "encrypted":
        return _encrypted(log=error.log)
    return UnsupportedMedia(f"This is {kind.name}, not a video or audio file.", code=error.reason, log=error.log)


def _unread(error: UnsupportedMedia, head: bytes) -> UnsupportedMedia:
    """What can't be read need not be nothing: only that is `not_media`, for which a source is removed."""
    if error.reason != "not_media" or is_text(head):
        return error
    if _NOT_TAKEN in error.log:
        text, code = "Files of this kind are not taken; send it as MP4, WebM, MP3 or FLAC.", "unsupported_format"
    elif is_media(head):
        text, code = "The file is damaged so that nothing of it can be read; send it again.", "damaged"
    else:
        return error
    return UnsupportedMedia(text, code=code, log=error.log)


def _image(name: str, log: str = "") -> UnsupportedMedia:
    return UnsupportedMedia(
        f"This is {name} that can't be decoded here; send it again as a JPEG, a PNG or a film.",
        code="still_image",
        log=log,
    )


def _encrypted(log: str = "") -> UnsupportedMedia:
    return UnsupportedMedia(
        "The file is encrypted (DRM) and can't be played; send a copy without protection.", code="protected", log=log
    )


def check_duration(seconds: float, limits: Limits) -> None:
    """Refuse what is too long, to the nearest second: encoders add a frame or two. Raises UnsupportedMedia."""
    if round(seconds) > limits.duration_s:
        raise UnsupportedMedia(
            f"The media lasts {seconds:.0f} s; at most {limits.duration_s:.0f} s are accepted.",
            code="too_long",
        )


def check_sizes(probe: Mapping[str, Any], limits: Limits) -> None:
    """Refuse a video that is too large, if it is the film: not a cover. Raises UnsupportedMedia."""
    stream = video_stream(probe) or {}
    width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
    if max(width, height) > limits.side_px:
        raise UnsupportedMedia(
            f"The video is {width}×{height} pixels; at most {limits.side_px} a side are accepted.",
            code="frame_too_large",
        )
