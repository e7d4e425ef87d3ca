"""What pydantic finds wrong with a request, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gilfoyle.wording import WORDS, own_sentence, worded

_OF_NAMES = {"missing": "is missing", "extra_forbidden": "is not known here"}
_OTHERWISE = "is not of the form that is described at /docs"


def field_of(fault: Mapping[str, Any]) -> tuple[str, str]:
    """Where a fault is, and how it must be there, without the value: it may be huge, or not even text."""
    place, *parts = [str(part) for part in fault["loc"]]
    kind = fault["type"]
    if kind == "json_invalid":
        return "body", "is not valid JSON"
    if place == "body" and not parts:
        return "body", "must be a JSON object, sent with Content-Type: application/json"
    if place == "query":
        parts = parts[:1]  # of a list, whichever of its items it is
    return ".".join(parts)[:100], _words(kind, fault)[:300]


def _words(kind: str, fault: Mapping[str, Any]) -> str:
    if kind in ("value_error", "assertion_error"):
        return own_sentence(fault)
    if kind in WORDS:
        return f"must {worded(WORDS[kind], fault)}"
    return _OF_NAMES.get(kind, _OTHERWISE)
