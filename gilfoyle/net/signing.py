"""Signatures of what is sent, as Standard Webhooks has them (https://www.standardwebhooks.com, specification 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"


def signed(message_id: str, timestamp: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The headers of a message. Each secret signs it: while one is exchanged for another, both are good.

    `timestamp`: of this attempt, in seconds since 1970; `secrets`: `whsec_`, then base64.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signatures = (f"v1,{_signature(secret, content)}" for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
