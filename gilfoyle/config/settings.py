"""All settings but the storage's: typed, strict, every one with a default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator

from gilfoyle.config.section import Section
from gilfoyle.config.storage import StorageSettings
from gilfoyle.media.policy import EncodingPolicy

_Origin = Annotated[str, StringConstraints(pattern=r"^(\*|null|[a-z][a-z0-9+.-]*://[^/\sA-Z]+)$")]


class ServerSettings(Section):
    host: str = Field("127.0.0.1", description="address the API listens on; 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="port of the API; 0 takes any free one")
    public_url: str = Field(
        "",
        pattern=r"^(https?://\S+[^/\s])?$",
        description="the API's URL as clients reach it, behind a proxy or under a path; empty: as each request says",
    )
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


class DatabaseSettings(Section):
    url: str = Field(
        "postgresql://gilfoyle@localhost/gilfoyle",
        pattern=r"^postgres(ql)?(\+\w+)?://",
        description="the catalog, PostgreSQL 15 or newer; `gilfoyle up` uses its own unless this is changed",
    )
    pool_size: int = Field(10, ge=1, le=500, description="connections each process keeps at most")


class TemporalSettings(Section):
    address: str = Field(
        "localhost:7233",
        description="the Temporal cluster's frontend; `gilfoyle up` uses its own unless this is changed",
    )
    namespace: str = Field("default", description="the Temporal namespace")
    api_key: SecretStr = Field(SecretStr(""), description="for a cluster that wants one (Temporal Cloud); turns TLS on")
    tls: bool = Field(False, description="connect by TLS")
    queue_prefix: str = Field(
        "gilfoyle",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="task queues are {prefix}-pipeline, {prefix}-io, {prefix}-transcode and {prefix}-first",
    )


class ToolSettings(Section):
    ffmpeg: str = Field("", description="path of ffmpeg, 7.1 or newer; empty: the embedded one, else the one on PATH")
    ffprobe: str = Field("", description="path of ffprobe; empty: the embedded one, else the one on PATH")


class LimitSettings(Section):
    upload_bytes: int = Field(100 * 2**30, ge=1, description="largest upload, in bytes (100 GiB)")
    duration_s: float = Field(12 * 3600, gt=0, description="longest media, in seconds (12 h)")
    side_px: int = Field(8192, ge=16, description="largest width or height of a video, in pixels")
    streams: int = Field(64, ge=1, description="most streams in one file")
    probe_s: float = Field(60, gt=0, description="longest time that ffprobe may take, in seconds")
    memory_mb: int = Field(
        8192, ge=512, description="address space of one ffmpeg or ffprobe, in MiB (Linux); guards the machine"
    )


class WorkerSettings(Section):
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


class Settings(Section):
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
