"""Content-Range (RFC 9110, 14.4) of a PUT that sends a part of a file, or asks how much of it has arrived."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gilfoyle.errors import InvalidRequest

# No more digits than a 64-bit length has.
_RANGE = re.compile(r"bytes[ \t]+(?:([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)|\*/([0-9]{1,19}))", re.IGNORECASE)


@dataclass(frozen=True)
class ContentRange:
    """Bytes `[first, end)` of a file of `total` bytes; `first == end`: no bytes, a query only."""

    first: int
    end: int | None
    """None: wherever the body ends."""
    total: int | None
    """None: not known yet, so that this is not the end of the file."""

    @property
    def asks(self) -> bool:
        return self.first == self.end


def parse(header: str) -> ContentRange | None:
    """Parse the header; None without it. Raises InvalidRequest if it is malformed."""
    if not header.strip():
        return None
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        raise _malformed()
    first, last, total, asked = match.groups()
    if asked is not None:
        return ContentRange(0, 0, int(asked))
    end, size = int(last) + 1, None if total == "*" else int(total)
    if end <= int(first) or (size is not None and end > size):
        raise _malformed()
    return ContentRange(int(first), end, size)


def _malformed() -> InvalidRequest:
    return InvalidRequest(
        "Content-Range must be `bytes FIRST-LAST/TOTAL`, such as bytes 1000-4999/5000, or `bytes */TOTAL` to ask.",
        fields={"Content-Range": "is malformed"},
    )
