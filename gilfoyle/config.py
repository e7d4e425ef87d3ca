"""Settings: one YAML file and environment variables over it; typed, strict, every one with a default.

Order, the strongest first: `GILFOYLE_…` environment variables (`GILFOYLE_STORAGE__DRIVER=filesystem`), the YAML file
(`--config`, else `$GILFOYLE_CONFIG`, else `./config.yaml` if there is one), the defaults below. An unknown key, a
wrong type or a value out of bounds raises ConfigError with a sentence that names it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from gilfoyle.config_environment import CONFIG, overlay
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
    "http_url",
    "load",
]

log = logging.getLogger(__name__)


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

    @field_validator("host")
    @classmethod
    def _without_brackets(cls, host: str) -> str:
        """An IPv6 address, also as it stands in a URL."""
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host


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
    ffmpeg: str = Field("", description="path of ffmpeg, 7.1 or newer; empty: the embedded one, else the one on PATH")
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


def http_url(host: str, port: int) -> str:
    """The URL of what listens there. An IPv6 address gets its brackets (RFC 3986, 3.2.2)."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


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
