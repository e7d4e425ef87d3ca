"""Where each object of a media lies. Playlists use the same tree, relative, so it plays from anywhere."""

from __future__ import annotations

from uuid import UUID


def media_prefix(media_id: UUID | str) -> str:
    """The folder that holds everything of a media."""
    return str(media_id)


def source(media_id: UUID | str) -> str:
    """The file as it was uploaded."""
    return f"{media_id}/source"


def encoding_prefix(media_id: UUID | str, encoding: int) -> str:
    """The folder of one encoding (1, 2, …) of a media; `stream/{path}` of the API is a path below it."""
    return f"{media_id}/{encoding}"


def master_playlist(media_id: UUID | str, encoding: int) -> str:
    """The multivariant playlist."""
    return f"{media_id}/{encoding}/master.m3u8"


def rendition_prefix(media_id: UUID | str, encoding: int, rendition: str) -> str:
    """The folder of one rendition: its init segment, media segments and playlist."""
    return f"{media_id}/{encoding}/{rendition}"


def segment_name(index: int) -> str:
    """The file name of the media segment `index` (0, 1, …), relative to its playlist."""
    return f"{index:05d}.m4s"


def segment_index(key: str) -> int | None:
    """The inverse of `segment_name` for a key's last element; None if it is not a media segment."""
    name = key.rsplit("/", 1)[-1]
    stem, dot, extension = name.partition(".")
    return int(stem) if dot and extension == "m4s" and stem.isdigit() else None


INIT_NAME = "init.mp4"
PLAYLIST_NAME = "index.m3u8"
