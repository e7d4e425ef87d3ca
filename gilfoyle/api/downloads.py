"""Files that are given out to be saved: never as a page of this server, and by their own name."""

from __future__ import annotations

from mimetypes import MimeTypes
from urllib.parse import quote

# By the name alone, and by a table that is the same on every machine.
_TYPES = MimeTypes()
for _ending, _type in {
    ".ass": "text/x-ssa",
    ".avif": "image/avif",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".srt": "application/x-subrip",
    ".ssa": "text/x-ssa",
    ".ttml": "application/ttml+xml",
    ".vtt": "text/vtt",
    ".webp": "image/webp",
}.items():
    _TYPES.add_type(_type, _ending)


def download_headers(name: str) -> dict[str, str]:
    """Besides those of any object: browsers save it under that name, and show nothing of it as a page.

    A page of the application's, of another origin, may still use it as a picture or a film, by a link.
    """
    return {
        "Content-Disposition": disposition(name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def disposition(name: str) -> str:
    """The name, and what there is of it in ASCII for clients that know no better (RFC 6266, 4.3; RFC 8187, 3.2)."""
    plain = "".join(each if " " <= each <= "~" and each not in '"\\%' else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def named_type(name: str) -> str:
    """The media type of a file of that name."""
    kind, encoding = _TYPES.guess_type(f"file{name[name.rfind('.') :]}" if "." in name else name)
    return kind if kind and not encoding else "application/octet-stream"
