"""What the files of a rendition are called, in its playlist and in the storage alike."""

from __future__ import annotations

INIT_NAME = "init.mp4"
PLAYLIST_NAME = "index.m3u8"
_SEGMENT_EXTENSION = "m4s"


def segment_name(index: int) -> str:
    """The file name of the media segment `index` (0, 1, …), relative to its playlist."""
    return f"{index:05d}.{_SEGMENT_EXTENSION}"


def text_segment_name(index: int) -> str:
    """As `segment_name`, of a text."""
    return f"{index:05d}.vtt"


def segment_index(key: str) -> int | None:
    """The inverse of `segment_name` for a key's last element; None if it is not a media segment."""
    stem, _, extension = key.rsplit("/", 1)[-1].partition(".")
    return int(stem) if extension == _SEGMENT_EXTENSION and stem.isdigit() else None
