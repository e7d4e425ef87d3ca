"""The names of uploaded files, as clients send them and as they are kept."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header

from gilfoyle.ingest.parameters import decoded

MOST_CHARS = 255
# How browsers write what would end a quoted value (WHATWG HTML, multipart/form-data encoding algorithm).
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_ENCODED_WORDS = re.compile(r"(=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=\s*)+")
# Control characters, halves of surrogate pairs, and what turns the direction of writing: by an override, "exe.4pm" can
# be made to look like "mp4.exe" (Unicode, UAX #9).
_GONE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def clean(sent: str) -> str | None:
    """The file's own name: without folders, control characters and what turns the direction of writing.

    All else is kept, as it was sent: spaces of any width, joiners, emoji. None if nothing can be seen of what remains.
    """
    name = _words(sent)
    for escape, character in _ESCAPES.items():
        name = name.replace(escape, character)
    name = _GONE.sub("", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" ")[-MOST_CHARS:]
    return name if name.strip() else None


def _words(sent: str) -> str:
    """What RFC 2047's encoded words say, as .NET's HttpClient and programs that think of mail send them."""
    if not _ENCODED_WORDS.fullmatch(sent):
        return sent
    try:
        words = decode_header(sent)
    except HeaderParseError:
        return sent
    return "".join(word if isinstance(word, str) else decoded(word, charset or "utf-8") for word, charset in words)
