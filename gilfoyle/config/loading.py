"""Reading the settings: one YAML file, and environment variables over it.

Order, the strongest first: `GILFOYLE_…` environment variables (`GILFOYLE_STORAGE__DRIVER=filesystem`), the YAML file
(`--config`, else `$GILFOYLE_CONFIG`, else `./config.yaml` if there is one), the defaults. An unknown key, a wrong type
or a value out of bounds raises ConfigError with a sentence that names it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gilfoyle.config.environment import CONFIG, overlay
from gilfoyle.config.faults import sentences
from gilfoyle.config.settings import Settings
from gilfoyle.errors import ConfigError

log = logging.getLogger(__name__)


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings as the module's docstring says. Raises ConfigError with a sentence for each fault.

    Logs a warning for each `GILFOYLE_…` variable that no setting could have meant.
    """
    env = os.environ if environ is None else environ
    file = find(path, env)
    values = _read_yaml(file) if file else {}
    environment = overlay(values, env, Settings)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = sentences(error, Settings, str(file or "the settings"), environment.origin)
        raise ConfigError("\n".join([faults, *environment.faults])) from error
    if environment.faults:
        raise ConfigError("\n".join(environment.faults))
    for name in environment.strangers:
        log.warning("%s is not a setting, and is left alone. `gilfoyle config show` lists all settings.", name)
    return settings


def find(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """The config file that `load` reads; None if none is named and there is no `./config.yaml`."""
    env = os.environ if environ is None else environ
    if path or env.get(CONFIG):
        return path or Path(env[CONFIG])
    usual = Path("config.yaml")
    return usual if usual.is_file() else None


class _StrictLoader(yaml.SafeLoader):
    """Refuses a name that stands twice in one section: YAML would quietly take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        loaded = yaml.load(file.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except OSError as error:
        raise ConfigError(f"The config file {file} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"The config file {file} is not valid YAML: {_one_line(error)}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"The config file {file} must hold sections such as `server:`, not a {type(loaded).__name__}."
        )
    # A section whose settings are all commented out reads as null: it keeps its defaults.
    return {name: value for name, value in loaded.items() if value is not None}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
