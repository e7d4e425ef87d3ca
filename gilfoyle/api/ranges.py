"""Byte ranges and entity tags (RFC 9110, sections 8.8.3, 13 and 14)."""

from __future__ import annotations

import re
from functools import lru_cache

from gilfoyle.errors import RangeNotSatisfiable

# No more digits than a 64-bit length has: Python refuses to turn thousands of them into a number.
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The `[start, end)` that a Range header asks of `size` bytes; None if the whole is to be sent.

    That is so without the header, with one that is malformed, and with several ranges (14.2 allows to ignore them).
    Raises RangeNotSatisfiable if nothing of the range exists.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(f"The range lies outside the {size} bytes of the object.")
    return start, end


def range_of_any_size(header: str | None) -> tuple[int, int | None] | None:
    """The `[start, end)` that a Range header asks of whatever size the object has, all of it without one.

    None if that depends on the size: of the last so many bytes.
    """
    match = _RANGE.fullmatch(header) if header else None
    first, last = match.groups() if match else ("", "")
    if not first:
        return None if last else (0, None)
    if last and int(last) < int(first):
        return 0, None
    return int(first), int(last) + 1 if last else None


def if_none_match(header: str | None, etag: str) -> bool:
    """Whether the client has it already: by the weak comparison (8.8.3.2). `etag` is quoted."""
    if not header:
        return False
    return header.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(header)


def if_range(header: str | None, etag: str) -> bool:
    """Whether a range still belongs to what the client has (13.1.5). Only a strong tag proves it, never a date."""
    return header is None or header.strip() == etag


@lru_cache(1000)
def accepts_gzip(header: str | None) -> bool:
    """Whether an Accept-Encoding header (12.5.3) allows gzip."""
    weights = dict(_coding(item) for item in (header or "").split(","))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _coding(item: str) -> tuple[str, float]:
    name, _, parameter = item.partition(";")
    quality = parameter.replace(" ", "").lower().removeprefix("q=")
    try:
        return name.strip().lower(), float(quality or 1)
    except ValueError:
        return name.strip().lower(), 0.0
