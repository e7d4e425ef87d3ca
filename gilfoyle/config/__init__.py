"""Settings: one YAML file and environment variables over it; typed, strict, every one with a default."""

from gilfoyle.config.loading import find, load
from gilfoyle.config.settings import (
    DatabaseSettings,
    LimitSettings,
    ServerSettings,
    Settings,
    TemporalSettings,
    ToolSettings,
    WorkerSettings,
    http_url,
)
from gilfoyle.config.storage import FilesystemSettings, IpfsSettings, S3Settings, StorageSettings, SweepSettings

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
