"""What pydantic finds wrong with a value, in our words: how a sentence such as "NAME must …" goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Words = str | Callable[[Mapping[str, Any]], str]
"""`be a number`, or what makes such words of the fault's context: its bounds."""

_NUMBER, _WHOLE, _TRUTH = "be a number", "be a whole number", "be true or false"
_TIME = "be a time such as 2030-01-31T12:00:00Z"

WORDS: Mapping[str, Words] = {
    "none_required": "be null",
    "string_type": "be text",
    "string_unicode": "be text without halves of surrogate pairs",
    "string_too_short": lambda c: f"have at least {_many(c['min_length'], 'character')}",
    "string_too_long": lambda c: f"have at most {_many(c['max_length'], 'character')}",
    "string_pattern_mismatch": lambda c: f"match {c['pattern']}",
    "bytes_type": "be text",
    "path_type": "be a path",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _NUMBER),
    "finite_number": "be a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), _TRUTH),
    "greater_than": lambda c: f"be more than {_number(c['gt'])}",
    "greater_than_equal": lambda c: f"be at least {_number(c['ge'])}",
    "less_than": lambda c: f"be less than {_number(c['lt'])}",
    "less_than_equal": lambda c: f"be at most {_number(c['le'])}",
    "multiple_of": lambda c: f"be a multiple of {_number(c['multiple_of'])}",
    "literal_error": lambda c: f"be {c['expected']}",
    "enum": lambda c: f"be {c['expected']}",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), "be an object"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "be a list"),
    "too_short": lambda c: f"have at least {_many(c['min_length'], 'item')}",
    "too_long": lambda c: f"have at most {_many(c['max_length'], 'item')}",
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), "be a UUID"),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"), _TIME
    ),
    "timezone_aware": f"{_TIME}, with its time zone",
    **dict.fromkeys(("url_type", "url_parsing", "url_scheme", "url_syntax_violation"), "be an http or https URL"),
    "union_tag_invalid": lambda c: f"be {c['expected_tags']}",
}
"""By the types of pydantic's errors; `missing` and `extra_forbidden` are about a name, not a value."""


def worded(words: Words, fault: Mapping[str, Any]) -> str:
    """The words for one fault, as `ValidationError.errors` has it."""
    return words if isinstance(words, str) else words(fault.get("ctx", {}))


def own_sentence(fault: Mapping[str, Any]) -> str:
    """What a validator of ours has said."""
    return str(fault["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _number(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
