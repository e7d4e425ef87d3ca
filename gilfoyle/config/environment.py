"""Settings from the environment: `GILFOYLE_A__B=x` is `b` under `a`.

Not every variable that begins so is meant for us. Kubernetes sets some for each Service of a namespace, and one named
`gilfoyle-api` gives GILFOYLE_API_PORT=tcp://…; whoever deploys may have names of their own. What could have been meant
for a setting is a fault, since it would be missing without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr

PREFIX = "GILFOYLE_"
CONFIG = "GILFOYLE_CONFIG"
# Read elsewhere (the CLI's server address and key), so not settings of the server.
_OTHERS = {CONFIG, "GILFOYLE_URL", "GILFOYLE_API_KEY"}
# What Kubernetes sets for a Service of which the first word is ours, and Docker's links have set before it.
_SERVICE = re.compile(
    r"GILFOYLE(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
# The one that could be anything else: GILFOYLE_SERVER_PORT=80 was meant for us.
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://")
_CLOSE = 0.85
"""How alike a name must be to a setting's to have been meant for it, by difflib's ratio."""


@dataclass
class Overlay:
    """What the environment did to the settings."""

    origin: dict[str, str] = field(default_factory=dict)
    """The variable's name for each dotted setting that one set."""
    faults: list[str] = field(default_factory=list)
    """A sentence for each variable that was probably meant for a setting."""
    strangers: list[str] = field(default_factory=list)
    """Variables that no setting could have meant."""


def overlay(values: dict[str, Any], env: Mapping[str, str], model: type[BaseModel]) -> Overlay:
    """Put each variable at its place in `values`, which `model` is to hold."""
    result = Overlay()
    for name in sorted(env):
        if not name.startswith(PREFIX) or name in _OTHERS:
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        if keys[0] in model.model_fields:
            _put(values, keys, env[name], model)
            result.origin[".".join(keys)] = name
        elif _is_of_service(name, env[name]):
            continue
        elif meant := _meant(name, model):
            result.faults.append(f"{name}: there is no such setting; did you mean {meant}?")
        else:
            result.strangers.append(name)
    return result


def _put(values: dict[str, Any], keys: list[str], text: str, model: type[BaseModel]) -> None:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    place = values
    for key in keys[:-1]:
        below = place.get(key)
        if not isinstance(below, dict):
            below = place[key] = {}
        place = below
    # A setting of text stays text, even when it reads as YAML's number or nothing.
    place[keys[-1]] = text if value is None or _is_text(keys, model) else value


def _is_text(keys: list[str], model: Any) -> bool:
    for key in keys:
        found = getattr(model, "model_fields", {}).get(key)
        if found is None:
            return False
        model = found.annotation
    return model in (str, Path, SecretStr)


def _is_of_service(name: str, value: str) -> bool:
    if _SERVICE.fullmatch(name):
        return True
    return name.endswith("_PORT") and _SERVICE_URL.match(value) is not None


def _meant(name: str, model: type[BaseModel]) -> str | None:
    """The variable of the setting that this one was probably meant for."""
    sought = _folded(name.removeprefix(PREFIX))
    ours = {_folded("".join(path)): path for path in _paths(model)}
    close = get_close_matches(sought, ours, n=1, cutoff=_CLOSE)
    path = ours[close[0]] if close else next((p for p in ours.values() if _is_end_of(sought, p)), None)
    return PREFIX + "__".join(path).upper() if path else None


def _is_end_of(sought: str, path: tuple[str, ...]) -> bool:
    """GILFOYLE_PORT and GILFOYLE_S3_BUCKET name the last parts of a setting."""
    return any(sought == _folded("".join(path[first:])) for first in range(1, len(path)))


def _paths(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every section and setting, as the names on the way to it."""
    for name, found in model.model_fields.items():
        yield (*above, name)
        inner = found.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _paths(inner, (*above, name))


def _folded(name: str) -> str:
    return name.lower().replace("_", "")
