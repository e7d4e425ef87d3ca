"""The workflow engine, and the keys that encrypt what it keeps."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, field_validator

from gilfoyle.config.section import Section

_KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
_SHOULD_BE = "must be an id, a colon and 32 bytes as base64, such as `2026-11:` and what `openssl rand -base64 32` says"


@dataclass(frozen=True)
class EncryptionKey:
    """A key of 256 bits. `id` stands beside what it encrypts, and is no secret."""

    id: str
    secret: bytes = field(repr=False)


def encryption_key(text: str) -> EncryptionKey:
    """The key that `ID:BASE64` writes down. Raises ValueError, which does not repeat it."""
    name, _, encoded = text.strip().partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError(_SHOULD_BE) from None
    if not _ID.fullmatch(name) or len(secret) != _KEY_BYTES:
        raise ValueError(_SHOULD_BE)
    return EncryptionKey(name, secret)


def _key(text: SecretStr) -> SecretStr:
    encryption_key(text.get_secret_value())
    return text


class TemporalSettings(Section):
    address: str = Field(
        "localhost:7233",
        description="the Temporal cluster's frontend; `gilfoyle up` uses its own unless this is changed",
    )
    namespace: str = Field("default", description="the Temporal namespace")
    api_key: SecretStr = Field(SecretStr(""), description="for a cluster that wants one (Temporal Cloud); turns TLS on")
    tls: bool = Field(False, description="connect by TLS")
    encryption_keys: list[Annotated[SecretStr, AfterValidator(_key)]] = Field(
        [],
        description="keys for what Temporal keeps of the work, as `ID:BASE64` of 32 bytes: the first encrypts, all "
        "decrypt; empty: it is not encrypted",
    )
    deployment: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,100}$",
        description="the Worker Deployment that workers belong to, each as the version of its release, for who "
        "promotes versions by hand; empty: all workers get work",
    )
    queue_prefix: str = Field(
        "gilfoyle",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="task queues are {prefix}-pipeline, {prefix}-io, {prefix}-transcode and {prefix}-first; "
        "with `encoding.encoders`, {prefix}-transcode-nvenc and {prefix}-first-nvenc …",
    )

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _one_or_several(cls, keys: Any) -> Any:
        """Also as one text, as environment variables and secrets of Kubernetes are: keys with spaces between."""
        return keys.split() if isinstance(keys, str) else keys

    @field_validator("encryption_keys")
    @classmethod
    def _each_id_once(cls, keys: list[SecretStr]) -> list[SecretStr]:
        names = [encryption_key(key.get_secret_value()).id for key in keys]
        if len(set(names)) < len(names):
            raise ValueError("must not have the same id twice")
        return keys

    def key_ring(self) -> list[EncryptionKey]:
        """The keys of `encryption_keys`, in their order."""
        return [encryption_key(key.get_secret_value()) for key in self.encryption_keys]
