"""deploy/compose.yaml as `docker compose` reads it: variables filled in, extensions merged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
SECRETS = sorted({*re.findall(r"\$\{(\w+_SECRET)\b", TEXT)})
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


def read(**variables: str) -> dict[str, Any]:
    """The whole file; each secret is `secret-of-NAME-…` unless it is given."""

    def fill(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, kind, rest = found.groups()
        if name in variables:
            return variables[name]
        if name in SECRETS:
            return f"secret-of-{name}-aaaaaaaaaaaa"
        assert kind == "-", f"${{{name}}} has no default"
        return str(rest)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        return _VARIABLE.sub(fill, value) if isinstance(value, str) else value

    whole: dict[str, Any] = filled(yaml.safe_load(TEXT))
    return whole


SERVICES: dict[str, dict[str, Any]] = read()["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("gilfoyle:")}
JOBS = {name for name, service in SERVICES.items() if service["restart"].startswith("on-failure")}
