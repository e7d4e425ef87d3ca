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
    ToolSettings,
    TraceSettings,
    WebhookSettings,
    WorkerSettings,
    http_url,
)
from gilfoyle.config.storage import FilesystemSettings, IpfsSettings, S3Settings, StorageSettings, SweepSettings
from gilfoyle.config.temporal import EncryptionKey, TemporalSettings

__all__ = [
    "ORIGIN",
    "AuthSettings",
    "DatabaseSettings",
    "EncryptionKey",
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
    "TraceSettings",
    "WebhookSettings",
    "WorkerSettings",
    "find",
    "http_url",
    "load",
]
