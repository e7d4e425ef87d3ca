"""Where each object of a media lies. Playlists use the same tree, relative, so it plays from anywhere."""

from __future__ import annotations

from uuid import UUID

from gilfoyle.media.names import INIT_NAME, PLAYLIST_NAME, segment_index, segment_name, text_segment_name

__all__ = [
    "ATTACHMENTS",
    "INIT_NAME",
    "PLAYLIST_NAME",
    "TEXTS",
    "attachment",
    "comes_before_upload",
    "encoding_prefix",
    "master_playlist",
    "media_prefix",
    "partial",
    "rendition_prefix",
    "segment_index",
    "segment_name",
    "source",
    "text",
    "text_segment_name",
    "unchecked",
]


def media_prefix(media_id: UUID | str) -> str:
    """The folder that holds everything of a media."""
    return str(media_id)


def source(media_id: UUID | str, upload: int = 1) -> str:
    """The file as it was uploaded. Each upload of a media has one of its own, so none is overwritten or confused."""
    return f"{media_id}/source" if upload == 1 else f"{media_id}/source-{upload}"


def unchecked(source_key: str) -> str:
    """Where the bytes of a request lie that are to become a part of that source once their checksum is right."""
    return f"{source_key}-unchecked"


def encoding_prefix(media_id: UUID | str, encoding: int) -> str:
    """The folder of one encoding (1, 2, …) of a media; `stream/{path}` of the API is a path below it."""
    return f"{media_id}/{encoding}"


def partial(object_id: UUID | str) -> str:
    """The bytes of a partial upload, until they are part of a source. It has a folder of its own, as a media has."""
    return f"{object_id}/partial"


def master_playlist(media_id: UUID | str, encoding: int) -> str:
    """The multivariant playlist."""
    return f"{media_id}/{encoding}/master.m3u8"


TEXTS = "text"
"""The folder of a media in which its texts lie."""


def text(media_id: UUID | str, track: str) -> str:
    """The whole text of a track, as WebVTT; each encoding has it in segments."""
    return f"{media_id}/{TEXTS}/{track}.vtt"


ATTACHMENTS = "attachments"
"""The folder of a media in which its attachments lie."""


def attachment(media_id: UUID | str, object_id: str) -> str:
    """A file beside the media. Its name, which may be any, is in the catalog."""
    return f"{media_id}/{ATTACHMENTS}/{object_id}"


def comes_before_upload(key: str) -> bool:
    """Whether the key's object may be stored before the film: a text, an attachment."""
    return key.split("/")[1:2] in ([TEXTS], [ATTACHMENTS])


def rendition_prefix(media_id: UUID | str, encoding: int, rendition: str) -> str:
    """The folder of one rendition, or of one text: its init segment, media segments and playlist."""
    return f"{media_id}/{encoding}/{rendition}"
