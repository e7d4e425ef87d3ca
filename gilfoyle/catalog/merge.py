"""JSON objects that clients keep with a media: merged (RFC 7396), and held to their bounds. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MOST_KEYS = 50
KEY_CHARS = 100
STRING_CHARS = 1000
MOST_BYTES = 16 << 10
"""Of the whole, as JSON in UTF-8."""
MOST_LEVELS = 5
_LARGEST = 2**53
"""Up to here, all whole numbers are exact in every language's JSON."""


def merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396, 2): null removes, objects are merged, anything else takes the place of what was."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def checked(metadata: dict[str, Any]) -> dict[str, Any]:
    """The same. Raises ValueError, with how it must be, for what is too much or can't be stored."""
    _check(metadata, MOST_LEVELS)
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MOST_BYTES:
        raise ValueError(f"must have at most {MOST_BYTES} bytes as JSON")
    return metadata


def _check(value: Any, levels: int) -> None:
    if isinstance(value, dict | list) and levels == 0:
        raise ValueError(f"must have at most {MOST_LEVELS} levels of objects and lists")
    if isinstance(value, dict):
        if len(value) > MOST_KEYS:
            raise ValueError(f"must have at most {MOST_KEYS} keys in an object")
        for key, inner in value.items():
            _check_text(key, KEY_CHARS, "keys")
            _check(inner, levels - 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, levels - 1)
    elif isinstance(value, str):
        _check_text(value, STRING_CHARS, "values")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must have numbers that are finite")
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("must have whole numbers of at most 2^53; send longer ones as text")


def _check_text(text: str, most: int, what: str) -> None:
    if len(text) > most:
        raise ValueError(f"must have {what} of at most {most} characters")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(f"must have {what} of characters that can be stored: no NUL, no half of a surrogate pair")
