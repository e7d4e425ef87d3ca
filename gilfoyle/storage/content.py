"""The headers of objects that players and caches get straight from the store."""

from __future__ import annotations

from gilfoyle.media.names import INIT_NAME

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
_TYPES = {
    ".m3u8": PLAYLIST_TYPE,
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt",
}
_IMMUTABLE = "public, max-age=31536000, immutable"


def media_type(key: str) -> str:
    """The media type, by the object's name; objects in a folder `audio…` are audio.

    A source is `application/octet-stream` whatever it is: no browser may take an upload for a page.
    """
    *folders, name = key.split("/")
    kind = _TYPES.get(name[name.rfind(".") :] if "." in name else "", "application/octet-stream")
    audio = bool(folders) and folders[-1].startswith("audio")
    return "audio/mp4" if audio and kind.startswith("video/") else kind


def cache_control(key: str) -> str | None:
    """How long caches may keep it: segments, also of texts, never change, playlists do; None: no header."""
    if key.endswith((".m4s", ".vtt", f"/{INIT_NAME}")):
        return _IMMUTABLE
    return "no-cache" if key.endswith(".m3u8") else None
