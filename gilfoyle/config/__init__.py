"""Settings: one YAML file and environment variables over it; typed, strict, every one with a default."""

from gilfoyle.config.auth import AuthSettings
from gilfoyle.config.loading import find, load
from gilfoyle.config.settings import (
    ORIGIN,
    DatabaseSettings,
    EventSettings,
    ImportSettings,
    LimitSettings,
    MetricSettings,
    NetSettings,
    ServerSettings,
    Settings,
    TemporalSettings,
    ToolSettings,
    WebhookSettings,
    WorkerSettings,
    http_url,
)
from gilfoyle.config.storage import FilesystemSettings, IpfsSettings, S3Settings, StorageSettings, SweepSettings

__all__ = [
    "ORIGIN",
    "AuthSettings",
    "DatabaseSettings",
    "EventSettings",
    "FilesystemSettings",
    "ImportSettings",
    "IpfsSettings",
    "LimitSettings",
    "MetricSettings",
    "NetSettings",
    "S3Settings",
    "ServerSettings",
    "Settings",
    "StorageSettings",
    "SweepSettings",
    "TemporalSettings",
    "ToolSettings",
    "WebhookSettings",
    "WorkerSettings",
    "find",
    "http_url",
    "load",
]
