"""Settings: one YAML file and environment variables over it; typed, strict, every one with a default.

Order, the strongest first: `GILFOYLE_…` environment variables (`GILFOYLE_STORAGE__DRIVER=filesystem`), the YAML file
(`--config`, else `$GILFOYLE_CONFIG`, else `./config.yaml` if there is one), the defaults below. An unknown key, a
wrong type or a value out of bounds raises ConfigError with a sentence that names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gilfoyle.config_faults import sentences
from gilfoyle.config_storage import FilesystemSettings, IpfsSettings, S3Settings, StorageSettings, SweepSettings
from gilfoyle.errors import ConfigError
from gilfoyle.media.policy import EncodingPolicy

__all__ = [
    "DatabaseSettings",
    "FilesystemSettings",
    "IpfsSettings",
    "LimitSettings",
    "S3Settings",
    "ServerSettings",
    "Settings",
    "StorageSettings",
    "SweepSettings",
    "TemporalSettings",
    "ToolSettings",
    "WorkerSettings",
    "find",
    "load",
]

ENV_PREFIX = "GILFOYLE_"
ENV_CONFIG = "GILFOYLE_CONFIG"
# Read elsewhere (the CLI's server address), so not settings of the server.
_ENV_OTHER = {ENV_CONFIG, "GILFOYLE_URL"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


_Origin = Annotated[str, StringConstraints(pattern=r"^(\*|null|[a-z][a-z0-9+.-]*://[^/\sA-Z]+)$")]


class ServerSettings(_Section):
    host: str = Field("127.0.0.1", description="address the API listens on; 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="port of the API; 0 takes any free one")
    allowed_hosts: list[str] = Field(
        [],
        description="host names that lead to the API, besides localhost and addresses; "
        "empty: none if `host` is loopback, else any; ['*']: any",
    )
    cors_origins: list[_Origin] = Field(
        ["*"], description="web origins whose players may read a media and its stream by its id"
    )
    app_origins: list[_Origin] = Field(
        [],
        description="web origins of your own application, whose pages may do all that the API can; "
        "empty: only pages of this server",
    )


class DatabaseSettings(_Section):
    url: str = Field(
        "postgresql://gilfoyle@localhost/gilfoyle",
        pattern=r"^postgres(ql)?(\+\w+)?://",
        description="the catalog, PostgreSQL 15 or newer; `gilfoyle up` uses its own unless this is changed",
    )
    pool_size: int = Field(10, ge=1, le=500, description="connections each process keeps at most")


class TemporalSettings(_Section):
    address: str = Field(
        "localhost:7233",
        description="the Temporal cluster's frontend; `gilfoyle up` uses its own unless this is changed",
    )
    namespace: str = Field("default", description="the Temporal namespace")
    api_key: str = Field("", description="for a cluster that wants one (Temporal Cloud); turns TLS on")
    tls: bool = Field(False, description="connect by TLS")
    queue_prefix: str = Field(
        "gilfoyle",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="task queues are {prefix}-pipeline, {prefix}-io, {prefix}-transcode and {prefix}-first",
    )


class ToolSettings(_Section):
    ffmpeg: str = Field("", description="path of ffmpeg; empty: the embedded one, else the one on PATH")
    ffprobe: str = Field("", description="path of ffprobe; empty: the embedded one, else the one on PATH")


class LimitSettings(_Section):
    upload_bytes: int = Field(100 * 2**30, ge=1, description="largest upload, in bytes (100 GiB)")
    duration_s: float = Field(12 * 3600, gt=0, description="longest media, in seconds (12 h)")
    side_px: int = Field(8192, ge=16, description="largest width or height of a video, in pixels")
    streams: int = Field(64, ge=1, description="most streams in one file")
    probe_s: float = Field(60, gt=0, description="longest time that ffprobe may take, in seconds")
    memory_mb: int = Field(
        8192, ge=512, description="address space of one ffmpeg or ffprobe, in MiB (Linux); guards the machine"
    )


class WorkerSettings(_Section):
    transcode_slots: int = Field(0, ge=0, description="long encodes at a time; 0: one per two cores")
    first_slots: int = Field(
        2, ge=1, description="short encodes at a time, beside the long ones: what makes a media playable"
    )
    threads: int = Field(0, ge=0, description="threads per ffmpeg; 0: cores divided by `transcode_slots`, at least two")
    io_slots: int = Field(16, ge=1, description="store, probe and package activities at a time")
    pipeline_slots: int = Field(32, ge=1, description="catalog updates at a time")
    heartbeat_timeout_s: float = Field(
        30, ge=2, description="a worker silent this long is dead: its pass goes to another (seconds)"
    )
    stall_timeout_s: float = Field(
        300, ge=1, description="an ffmpeg that makes no progress for this long is ended, and tried again (seconds)"
    )
    # Short: a pass takes minutes, so waiting rarely completes it, and the next worker goes on after its last segment.
    grace_s: float = Field(3, ge=0, description="how long a stopping worker lets its activities finish (seconds)")


class Settings(_Section):
    """All of `config.yaml`."""

    server: ServerSettings = Field(ServerSettings(), description="the HTTP API")
    storage: StorageSettings = Field(StorageSettings(), description="where media are kept")
    database: DatabaseSettings = Field(DatabaseSettings(), description="the catalog")
    temporal: TemporalSettings = Field(TemporalSettings(), description="the workflow engine")
    tools: ToolSettings = Field(ToolSettings(), description="programs that are run")
    limits: LimitSettings = Field(LimitSettings(), description="what is refused")
    encoding: EncodingPolicy = Field(EncodingPolicy(), description="the ladder and how it is encoded")
    workers: WorkerSettings = Field(WorkerSettings(), description="how much a worker does at once")


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings as the module's docstring says. Raises ConfigError with a sentence for each fault."""
    env = os.environ if environ is None else environ
    file = find(path, env)
    values = _read_yaml(file) if file else {}
    origin = _overlay_environment(values, env)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(sentences(error, Settings, str(file or "the settings"), origin)) from error


def find(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """The config file that `load` reads; None if none is named and there is no `./config.yaml`."""
    env = os.environ if environ is None else environ
    if path or env.get(ENV_CONFIG):
        return path or Path(env[ENV_CONFIG])
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


def _overlay_environment(values: dict[str, Any], env: Mapping[str, str]) -> dict[str, str]:
    """Put `GILFOYLE_A__B=x` at `values[a][b]`; returns the variable's name for each dotted setting it set."""
    origin: dict[str, str] = {}
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX) or name in _ENV_OTHER:
            continue
        keys = name.removeprefix(ENV_PREFIX).lower().split("__")
        try:
            value = yaml.safe_load(env[name])
        except yaml.YAMLError:
            value = env[name]
        place = values
        for key in keys[:-1]:
            below = place.get(key)
            if not isinstance(below, dict):
                below = place[key] = {}
            place = below
        # A setting of text stays text, even when it reads as YAML's number or nothing.
        place[keys[-1]] = env[name] if value is None or _is_text(keys) else value
        origin[".".join(keys)] = name
    return origin


def _is_text(keys: list[str]) -> bool:
    model: Any = Settings
    for key in keys:
        field = getattr(model, "model_fields", {}).get(key)
        if field is None:
            return False
        model = field.annotation
    return model in (str, Path)
