"""All settings but the storage's: typed, strict, every one with a default."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from gilfoyle.config.auth import AuthSettings
from gilfoyle.config.section import Section
from gilfoyle.config.storage import StorageSettings
from gilfoyle.config.temporal import TemporalSettings
from gilfoyle.media.policy import EncodingSettings

ORIGIN = r"^(\*|null|[a-z][a-z0-9+.-]*://[^/\sA-Z]+)$"
"""A web origin as browsers send it, or `*` for any."""
_Origin = Annotated[str, StringConstraints(pattern=ORIGIN)]


def _network(text: str) -> str:
    """An address or a network, or `*`."""
    if text != "*":
        try:
            ip_network(text, strict=False)
        except ValueError as error:
            raise ValueError("must be an address or a network, such as 10.0.0.0/8, or *") from error
    return text


_Proxy = Annotated[str, AfterValidator(_network)]


class ServerSettings(Section):
    host: str = Field("127.0.0.1", description="address the API listens on; 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="port of the API; 0 takes any free one")
    public_url: str = Field(
        "",
        pattern=r"^(https?://\S+[^/\s])?$",
        description="the API's URL as clients reach it, behind a proxy or under a path; "
        "empty: as each request says, or the proxy before it",
    )
    trusted_proxies: list[_Proxy] = Field(
        ["127.0.0.0/8", "::1"],
        description="addresses and networks of proxies whose X-Forwarded-Proto, -Host and -Prefix tell how clients "
        "reach the API; ['*']: of anyone",
    )
    allowed_hosts: list[str] = Field(
        [],
        description="host names that lead to the API, besides localhost, addresses and that of `public_url`; "
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
    pool_size: int = Field(
        10,
        ge=1,
        le=500,
        description="connections each process keeps at most; three more look things up, and in the API one listens",
    )
    pooled: bool = Field(
        False,
        description="a pooler that gives each transaction another connection (PgBouncer's transaction mode) lies "
        "before PostgreSQL",
    )


class ToolSettings(Section):
    ffmpeg: str = Field("", description="path of ffmpeg, 7.1 or newer; empty: the embedded one, else the one on PATH")
    ffprobe: str = Field("", description="path of ffprobe; empty: the embedded one, else the one on PATH")
    sandbox: Literal["auto", "required", "none"] = Field(
        "auto",
        description="ffmpeg and ffprobe reach their source and nothing else: `auto`, as far as the kernel can; "
        "`required`: a worker does not start without; `none`",
    )
    sandbox_paths: list[str] = Field(
        [], description="files and folders that they may read besides, such as the libraries of an ffmpeg of your own"
    )


class LimitSettings(Section):
    upload_bytes: int = Field(100 * 2**30, ge=1, description="largest upload, in bytes (100 GiB)")
    upload_ttl_s: int = Field(
        86_400,
        ge=60,
        le=30 * 86_400,
        description="an upload of `/v1/uploads` expires when nothing comes for so long"
        " (seconds), unless it says otherwise",
    )
    upload_keep_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="how long an upload of `/v1/uploads` that has ended is shown (days); the sweep forgets it",
    )
    attachment_bytes: int = Field(
        32 * 2**20, ge=1, description="largest attachment of a media, in bytes (32 MiB); it may have 100 of them"
    )
    requests_per_s: float = Field(
        0,
        ge=0,
        description="requests below `/v1` that one API key, and one address, may send each second in the long run; "
        "0: any",
    )
    burst: int = Field(100, ge=1, description="as many may come at once before `requests_per_s` counts")
    requests_at_once: int = Field(
        0,
        ge=0,
        description="requests below `/v1` of one API key, and of one address, that are answered at a time; 0: any",
    )
    event_streams_at_once: int = Field(
        0,
        ge=0,
        description="streams of events that one API key, and one address, may have open at a time, beside its"
        " requests; 0: any",
    )
    duration_s: float = Field(12 * 3600, gt=0, description="longest media, in seconds (12 h)")
    side_px: int = Field(8192, ge=16, description="largest width or height of a video, in pixels")
    streams: int = Field(64, ge=1, description="most streams in one file")
    probe_s: float = Field(60, gt=0, description="longest time that ffprobe may take, in seconds")
    memory_mb: int = Field(
        8192,
        ge=512,
        description="address space of one ffmpeg or ffprobe, in MiB (Linux; with a card: its data); guards the machine",
    )


def _host_or_network(text: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F:.]*[0-9]+(/\d+)?|.*:.*", text):
        ip_network(text, strict=False)
    elif not re.fullmatch(r"[\w-]+(\.[\w-]+)*\.?", text):
        raise ValueError("must be a network, such as 10.0.0.0/8, or the name of a host")
    return text


class NetSettings(Section):
    allow: list[Annotated[str, AfterValidator(_host_or_network)]] = Field(
        [],
        description="networks and host names, besides public addresses, to which webhooks are sent and from which "
        "files are imported: [10.0.0.0/8, hooks.internal]",
    )


class WebhookSettings(Section):
    timeout_s: float = Field(15, gt=0, le=60, description="how long a receiver may take to answer (seconds)")
    retry_after_s: list[Annotated[float, Field(gt=0)]] = Field(
        [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        min_length=1,
        description="pauses before a delivery is tried again, the last one again and again (seconds)",
    )
    give_up_after_s: float = Field(
        3 * 86400, gt=0, description="how long a delivery is tried, from its first attempt on (seconds; 3 days)"
    )


class ImportSettings(Section):
    silence_s: float = Field(
        30, gt=0, le=600, description="how long a server may say nothing before it is asked again (seconds)"
    )
    retry_after_s: list[Annotated[float, Field(gt=0, le=3600)]] = Field(
        [1, 5, 15, 60, 300],
        min_length=1,
        description="pauses before a server is asked again that broke off, is away or too busy; the last one again "
        "and again (seconds)",
    )
    give_up_after_s: float = Field(
        3600, gt=0, description="how long a server is asked again that sends nothing more (seconds; 1 h)"
    )
    longest_s: float = Field(
        86_400, gt=0, le=30 * 86_400, description="how long an import may take in all (seconds; 1 day)"
    )


class EventSettings(Section):
    keep_days: int = Field(
        30,
        ge=4,
        le=3650,
        description="how long events and the log of deliveries are kept (days); the sweep removes them",
    )


class WorkerSettings(Section):
    transcode_slots: int = Field(0, ge=0, description="long encodes at a time; 0: one per two cores")
    first_slots: int = Field(
        2, ge=1, description="short encodes at a time, beside the long ones: what makes a media playable"
    )
    threads: int = Field(0, ge=0, description="threads per ffmpeg; 0: cores divided by `transcode_slots`, at least two")
    io_slots: int = Field(16, ge=1, description="store, probe and package activities at a time")
    import_slots: int = Field(8, ge=1, description="files that are fetched from URLs at a time, by a worker of `io`")
    pipeline_slots: int = Field(32, ge=1, description="catalog updates at a time")
    heartbeat_timeout_s: float = Field(
        30, ge=2, description="a worker silent this long is dead: its pass goes to another (seconds)"
    )
    heartbeat_s: float = Field(
        2,
        ge=0.5,
        le=10,
        description="how often a pass tells that it goes on, and hears that it is cancelled; a sixth of the timeout "
        "at most (seconds)",
    )
    stall_timeout_s: float = Field(
        300, ge=1, description="an ffmpeg that makes no progress for this long is ended, and tried again (seconds)"
    )
    # Short: a pass ends with its segment, and the next worker goes on after it. Whoever runs `up` waits for it, too.
    grace_s: float = Field(
        3, ge=0, description="how long a stopping worker lets its activities finish, and passes their segment (seconds)"
    )


class LogSettings(Section):
    format: Literal["auto", "text", "json"] = Field(
        "auto", description="how lines of the log are written; `auto`: as text on a terminal, else as JSON"
    )


class MetricSettings(Section):
    enabled: bool = Field(True, description="let Prometheus read each process, on a port of its own")
    host: str = Field("127.0.0.1", description="address of that port; 0.0.0.0 for all. Whoever reaches it needs no key")
    port: int = Field(
        9464,
        ge=0,
        le=65535,
        description="that port, one for each process on a machine (`gilfoyle up` takes the next two as well); "
        "0 takes any free one, which the log names",
    )


class TraceSettings(Section):
    endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
        description="the OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as "
        "http://collector:4318; empty: none",
    )
    most_spans: int = Field(500, ge=1, le=100_000, description="how many spans of one trace each process sends")


class Settings(Section):
    """All of `config.yaml`."""

    server: ServerSettings = Field(ServerSettings(), description="the HTTP API")
    auth: AuthSettings = Field(AuthSettings(), description="who may call the API")
    storage: StorageSettings = Field(StorageSettings(), description="where media are kept")
    database: DatabaseSettings = Field(DatabaseSettings(), description="the catalog")
    temporal: TemporalSettings = Field(TemporalSettings(), description="the workflow engine")
    tools: ToolSettings = Field(ToolSettings(), description="programs that are run")
    limits: LimitSettings = Field(LimitSettings(), description="what is refused")
    encoding: EncodingSettings = Field(EncodingSettings(), description="the ladder and how it is encoded")
    net: NetSettings = Field(NetSettings(), description="requests to servers that users of the API name")
    imports: ImportSettings = Field(ImportSettings(), description="how files are fetched from URLs")
    events: EventSettings = Field(EventSettings(), description="what has happened, for those who ask")
    webhooks: WebhookSettings = Field(WebhookSettings(), description="how events are sent to webhooks")
    workers: WorkerSettings = Field(WorkerSettings(), description="how much a worker does at once")
    logs: LogSettings = Field(LogSettings(), description="what processes say on stderr")
    metrics: MetricSettings = Field(MetricSettings(), description="what Prometheus reads")
    traces: TraceSettings = Field(TraceSettings(), description="where the time of an upload goes")


def http_url(host: str, port: int) -> str:
    """The URL of what listens there. An IPv6 address gets its brackets (RFC 3986, 3.2.2)."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
