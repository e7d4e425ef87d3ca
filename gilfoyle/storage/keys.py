"""Where each object of a media lies. Playlists use the same tree, relative, so it plays from anywhere."""

from __future__ import annotations

from uuid import UUID

from gilfoyle.media.names import INIT_NAME, PLAYLIST_NAME, segment_index, segment_name, text_segment_name

__all__ = [
    "INIT_NAME",
    "PLAYLIST_NAME",
    "TEXTS",
    "encoding_prefix",
    "is_text",
    "master_playlist",
    "media_prefix",
    "rendition_prefix",
    "segment_index",
    "segment_name",
    "source",
    "text",
    "text_segment_name",
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


TEXTS = "text"
"""The folder of a media in which its texts lie."""


def text(media_id: UUID | str, track: str) -> str:
    """The whole text of a track, as WebVTT; each encoding has it in segments."""
    return f"{media_id}/{TEXTS}/{track}.vtt"


def is_text(key: str) -> bool:
    """Whether that is a key of `text`."""
    return key.split("/")[1:2] == [TEXTS]


def rendition_prefix(media_id: UUID | str, encoding: int, rendition: str) -> str:
    """The folder of one rendition, or of one text: its init segment, media segments and playlist."""
    return f"{media_id}/{encoding}/{rendition}"
