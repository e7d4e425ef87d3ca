"""Settings as YAML text that a person reads and edits: every setting, its value, and what it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import yaml
from pydantic import BaseModel, SecretStr

from gilfoyle.config.faults import SECRETS, item_model
from gilfoyle.config.settings import Settings, http_url
from gilfoyle.config.storage import StorageSettings
from gilfoyle.config.temporal import TemporalSettings
from gilfoyle.media.policy import AudioRung, VideoRung

MASK = "***"
# Secrets of which a part is worth showing.
_URLS = {"database.url", "storage.ipfs.api"}
Section = TypeVar("Section", bound=BaseModel)

DEFAULTS_HEADER = """\
# Gilfoyle's settings, each with its default: change what you like, leave out the rest. Nothing here is required.
# An environment variable overrides any of them: GILFOYLE_SERVER__PORT=80 stands for `port` under `server`.
# `gilfoyle config check` tells whether the file is valid and what follows from it.
"""
EFFECTIVE_HEADER = "# The settings in effect: defaults, the config file and the environment. Secrets are masked.\n"


def render(settings: Settings, header: str = "") -> str:
    """YAML text that loads to `settings` again, with a comment line for every setting and section."""
    return header + "\n".join(_section(settings, "")) + "\n"


def masked(settings: Settings) -> Settings:
    """The same settings without the secrets: keys and passwords become `***`."""
    for name in SECRETS:
        settings = _masked(settings, name.split("."), mask_url if name in _URLS else _mask)
    return settings


def _masked(section: Section, path: list[str], mask: Callable[[Any], Any]) -> Section:
    name, *below = path
    value = getattr(section, name)
    return section.model_copy(update={name: _masked(value, below, mask) if below else mask(value)})


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, MASK)
    return [MASK for _ in value] if isinstance(value, list) else value and MASK


def mask_url(url: str) -> str:
    """A database URL without its password, wherever it stands: `user:***@host`, `?password=***`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK  # not readable as a URL, so there is no telling which part of it is secret
    if not parts.scheme:
        return MASK if "password" in url else url  # a libpq string: `host=… password=…`
    netloc = parts.netloc
    user, at, host = netloc.rpartition("@")
    if at and ":" in user:
        netloc = f"{user.split(':', 1)[0]}:{MASK}@{host}"
    query = parts.query
    if "password" in query.lower():
        pairs = parse_qsl(query, keep_blank_values=True)
        query = "&".join(f"{k}={MASK if 'password' in k.lower() else quote(v)}" for k, v in pairs)
    return urlunsplit(parts._replace(netloc=netloc, query=query))


def walk(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting's dotted name and description; the settings of a list's items stand under `name[]`."""
    for name, field in model.model_fields.items():
        dotted = prefix + name
        inner = item_model(field.annotation)
        if inner is None or inner is not field.annotation:
            yield dotted, field.description or ""
        if inner is not None:
            yield from walk(inner, f"{dotted}." if inner is field.annotation else f"{dotted}[].")


def scalar(value: Any) -> str:
    """A value as YAML on one line: plain or quoted text, lists and items in flow style."""
    plain = _plain(value)
    style = '"' if isinstance(plain, str) and not plain.isprintable() else None
    text = yaml.safe_dump(
        plain, default_flow_style=True, default_style=style, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.removesuffix("...\n").strip()


def _section(model: BaseModel, indent: str) -> Iterator[str]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel) and not indent:
            yield ""
        yield f"{indent}# {field.description}"
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _section(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for inner, about in type(value[0]).model_fields.items():
                yield f"{indent}#   {inner}: {about.description}"
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {scalar(item)}" for item in value)
        else:
            yield f"{indent}{name}: {scalar(value)}"


def _plain(value: Any) -> Any:
    """What YAML can hold; a whole float without its `.0`."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def consequences(settings: Settings) -> list[tuple[str, str]]:
    """What the settings lead to, in a line each: a name and its meaning. Secrets are masked."""
    policy, prefix = settings.encoding, settings.temporal.queue_prefix
    segment = policy.gop_s * policy.segment_gops
    special = [f"{queue}-{each}" for each in sorted({*policy.encoders.values()}) for queue in ("transcode", "first")]
    return [
        ("API", http_url(settings.server.host, settings.server.port)),
        ("callers", "need an API key" if settings.auth.asks(settings.server.host) else "need no API key"),
        ("catalog", mask_url(settings.database.url)),
        ("Temporal", _temporal(settings.temporal)),
        ("queues", ", ".join(f"{prefix}-{queue}" for queue in ("pipeline", "io", "transcode", "first", *special))),
        ("storage", _place(settings.storage)),
        ("video", ", ".join(map(_video, policy.video))),
        ("audio", ", ".join(map(_audio, policy.audio))),
        ("encoding", f"x264 {policy.preset}, segments of {segment:g} s, chunks of at most {policy.chunk_s:g} s"),
        ("uploads", f"at most {settings.limits.upload_bytes} bytes and {settings.limits.duration_s:g} s"),
    ]


def _video(rung: VideoRung) -> str:
    codec = "" if rung.codec == "h264" else f" {rung.codec}"
    return f"{rung.height}p{codec} at most {rung.max_kbps} kbit/s"


def _audio(rung: AudioRung) -> str:
    codec = "" if rung.codec == "aac" else f"{rung.codec} "
    return f"{'5.1 ' if rung.channels > 2 else ''}{codec}{rung.kbps} kbit/s"


def _temporal(settings: TemporalSettings) -> str:
    keys = settings.key_ring()
    encrypted = f", encrypted by the key {keys[0].id}" if keys else ""
    return f"{settings.address}, namespace {settings.namespace}{encrypted}"


def _place(storage: StorageSettings) -> str:
    """Where new medias go."""
    if storage.driver == "filesystem":
        return f"files in {storage.filesystem.path.absolute()}"
    if storage.driver == "s3":
        folder = f"/{storage.s3.prefix}" if storage.s3.prefix else ""
        return f"bucket {storage.s3.bucket}{folder} at {storage.s3.endpoint or 'AWS'}, players by {storage.s3.serve}"
    if storage.driver == "ipfs":
        return f"folder {storage.ipfs.folder} of the IPFS node at {mask_url(storage.ipfs.api)}"
    return f"the backend {storage.driver} of another package"
