"""What is wrong with a config, in sentences: pydantic's faults turned into what a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gilfoyle.wording import WORDS, Words, own_sentence, worded

SECRETS = frozenset(
    {
        "auth.admin_key",
        "temporal.api_key",
        "temporal.encryption_keys",
        "database.url",
        "storage.ipfs.api",
        "storage.s3.access_key_id",
        "storage.s3.secret_access_key",
        "storage.s3.session_token",
        "storage.options",
    }
)
"""Settings whose value is never shown in a fault, a log or `gilfoyle config show`."""

# Where a file is meant, and not JSON.
_SHOULD: Mapping[str, Words] = {
    **WORDS,
    "string_type": "be text (put it in quotes)",
    "list_type": "be a list, such as [a, b]",
    **dict.fromkeys(("model_type", "model_attributes_type"), "be a section of settings"),
    "string_pattern_mismatch": lambda c: f"match the pattern {c['pattern']}",
}
# What a pattern means, where it says little to a person.
_PATTERNS = {
    **dict.fromkeys(
        ("server.cors_origins", "server.app_origins"),
        "be an origin such as https://example.org, in small letters and with no slash at its end, or '*'",
    ),
    "database.url": "be a URL such as postgresql://user@host/name",
    "temporal.queue_prefix": "be 1 to 40 small letters, digits and hyphens",
    "storage.driver": "be 1 to 20 small letters, digits, hyphens and underscores",
    "storage.s3.prefix": "be a folder such as media/prod, of letters, digits, dots, hyphens and underscores",
    "storage.ipfs.folder": "be a folder such as /gilfoyle, of letters, digits, dots, hyphens and underscores",
    **dict.fromkeys(
        (
            "storage.s3.endpoint",
            "storage.s3.public_url",
            "storage.s3.player_endpoint",
            "storage.ipfs.api",
            "storage.ipfs.public_gateway",
        ),
        "be a URL such as https://host:9000, with no slash at its end",
    ),
}
# An item's place in its list.
_INDEX = re.compile(r"\.\d+")
# Its input is the whole list or section: repeating it would drown the sentence.
_WITHOUT_INPUT = frozenset({"too_short", "too_long"})


def sentences(error: ValidationError, model: type[BaseModel], source: str, origin: Mapping[str, str]) -> str:
    """One line for each fault: where it stands, which setting it is, and what it should be.

    `source` is the file's name; `origin` names the environment variable behind each dotted setting that one set.
    """
    lines = []
    for fault in error.errors():
        # A wrong name in a setting that maps names is where pydantic says `[key]`.
        wrong_name = fault["loc"][-1] == "[key]"
        name = ".".join(str(part) for part in (fault["loc"][:-2] if wrong_name else fault["loc"]))
        said = f"a name in {name}" if wrong_name else name
        lines.append(f"{_source(name, source, origin)}: {_sentence(said, fault, model)}")
    return "\n".join(lines)


def _source(name: str, source: str, origin: Mapping[str, str]) -> str:
    """The variable that set `name` or the section or list around it, else the file."""
    parts = name.split(".")
    around = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((origin[outer] for outer in around if outer in origin), source)


def _sentence(name: str, fault: ErrorDetails, model: type[BaseModel]) -> str:
    kind = fault["type"]
    if kind == "missing":
        return f"{name} is missing."
    if kind == "extra_forbidden":
        return f"there is no setting {name}{_hint(fault['loc'], model)}"
    if kind not in _SHOULD:
        return f"{name}: {own_sentence(fault)}."
    wanted = _PATTERNS.get(_INDEX.sub("", name)) if kind == "string_pattern_mismatch" else None
    should = f"{name} should {wanted or worded(_SHOULD[kind], fault)}"
    if kind in _WITHOUT_INPUT or _INDEX.sub("", name) in SECRETS:
        return f"{should}."
    return f"{should}, not {_short(fault['input'])}."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _hint(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """`; did you mean …?` with the nearest name of the same section, else where all names stand."""
    section = _section(model, location[:-1])
    near = get_close_matches(str(location[-1]), section, n=1)
    if not near:
        return ". `gilfoyle config show` lists them all."
    return f"; did you mean {'.'.join(str(part) for part in (*location[:-1], near[0]))}?"


def _section(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The names that may stand in the section or list item at `location`."""
    for part in location:
        if isinstance(part, str):
            model = item_model(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def item_model(annotation: Any) -> type[BaseModel] | None:
    """The model that a setting holds, itself or as the items of a list; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := item_model(inner))), None)
