"""Where each object of a media lies. Playlists use the same tree, relative, so it plays from anywhere."""

from __future__ import annotations

from uuid import UUID

from gilfoyle.media.names import INIT_NAME, PLAYLIST_NAME, segment_index, segment_name

__all__ = [
    "INIT_NAME",
    "PLAYLIST_NAME",
    "encoding_prefix",
    "master_playlist",
    "media_prefix",
    "rendition_prefix",
    "segment_index",
    "segment_name",
    "source",
]


def media_prefix(media_id: UUID | str) -> str:
    """The folder that holds everything of a media."""
    return str(media_id)


def source(media_id: UUID | str, upload: int = 1) -> str:
    """The file as it was uploaded. Each upload of a media has one of its own, so none is overwritten or confused."""
    return f"{media_id}/source" if upload == 1 else f"{media_id}/source-{upload}"


def encoding_prefix(media_id: UUID | str, encoding: int) -> str:
    """The folder of one encoding (1, 2, …) of a media; `stream/{path}` of the API is a path below it."""
    return f"{media_id}/{encoding}"


def master_playlist(media_id: UUID | str, encoding: int) -> str:
    """The multivariant playlist."""
    return f"{media_id}/{encoding}/master.m3u8"


def rendition_prefix(media_id: UUID | str, encoding: int, rendition: str) -> str:
    """The folder of one rendition: its init segment, media segments and playlist."""
    return f"{media_id}/{encoding}/{rendition}"
