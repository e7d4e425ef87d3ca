"""Who may call the API."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from gilfoyle.config.section import Section
from gilfoyle.errors import ConfigError

_KEY_CHARS = 20


class AuthSettings(Section):
    enabled: Literal["auto", True, False] = Field(
        "auto", description="ask callers for an API key; auto: unless `server.host` is loopback"
    )
    allow_open: bool = Field(
        False, description="start without keys though others than this machine reach `server.host`; never without need"
    )
    admin_key: SecretStr = Field(
        SecretStr(""), description="a key of scope admin for all projects, to begin with; at least 20 characters"
    )

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        secret = key.get_secret_value()
        if secret and (len(secret) < _KEY_CHARS or not secret.isascii() or not secret.isprintable() or " " in secret):
            raise ValueError(f"must be {_KEY_CHARS} or more letters, digits and signs, such as `openssl rand -hex 32`")
        return key

    def asks(self, host: str) -> bool:
        """Whether an API that listens there asks for keys."""
        return not is_loopback(host) if self.enabled == "auto" else self.enabled

    def check(self, host: str) -> None:
        """Raises ConfigError if whoever reaches that address could do everything, unless that is wanted."""
        if not self.asks(host) and not is_loopback(host) and not self.allow_open:
            raise ConfigError(
                f"The API would listen on {host} and let anyone do everything, since auth.enabled is false. Leave that "
                "out and make a key with `gilfoyle keys create`, or set server.host to 127.0.0.1; if something else "
                "guards the API, set auth.allow_open to true."
            )

    def is_exposed(self, host: str, public_url: str) -> bool:
        """Whether its public URL says that others reach the API, though it asks for no keys since `host` is local."""
        public = urlsplit(public_url).hostname or "localhost"
        return self.enabled == "auto" and not self.asks(host) and not is_loopback(public)


@lru_cache(1024)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    return is_local_name(host.lower()) or (is_address(host) and ip_address(host).is_loopback)


def is_local_name(host: str) -> bool:
    """Names that never leave this machine (RFC 6761, 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


@lru_cache(1024)
def is_address(host: str) -> bool:
    """Asked of each request, mostly for the same hosts."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
