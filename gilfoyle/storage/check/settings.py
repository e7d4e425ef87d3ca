"""The settings a check uses, and keeping their secrets out of what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import SecretStr

from gilfoyle.config import StorageSettings

QUICK_S = 5.0
"""A service that is silent this long counts as not there: a person is waiting."""

_SECRET_NAME = re.compile(r"secret|token|password|passwd|credential|(^|_)key($|_id$)|access_key", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_USER = re.compile(r"(https?://)[^\s/@\"'<>]+@")


def quick(settings: StorageSettings) -> StorageSettings:
    """The same settings, impatient: what does not answer fails within seconds."""
    return settings.impatient(patience_s=0, timeout_s=QUICK_S)


def without_secrets(text: str, settings: StorageSettings) -> str:
    """The text with secrets of the settings masked, and URLs without user and query: a presigned one is a key."""
    for secret in sorted(set(_secrets(settings)), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _USER.sub(r"\1", _QUERY.sub(r"\1?***", text))


def _secrets(settings: StorageSettings) -> Iterator[str]:
    for section in (settings.s3.model_dump(), settings.ipfs.model_dump(), settings.options):
        for name, given in section.items():
            value = given.get_secret_value() if isinstance(given, SecretStr) else given
            if isinstance(value, str) and len(value) > 3 and _SECRET_NAME.search(name):
                yield value
