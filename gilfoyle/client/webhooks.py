"""Messages of webhooks, checked: Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from pydantic import ValidationError

from gilfoyle.client.models import Event
from gilfoyle.errors import Forbidden, InvalidRequest

TOLERANCE_S = 300
"""How old a message may be, or how far ahead its sender's clock (seconds). An older one may have been recorded."""


def verified(body: bytes, headers: Mapping[str, str], secret: str, *, now: float | None = None) -> Event:
    """The event that a webhook tells of. `body`: as it came; `secret`: as `client.webhooks.create` showed it.

    Raises Forbidden if this secret did not sign it, or not lately; InvalidRequest if it is no event.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    try:
        key, at = base64.b64decode(secret.removeprefix("whsec_"), validate=True), int(timestamp)
    except (binascii.Error, ValueError) as error:
        raise Forbidden("The message does not say when it was sent, or the secret is none.") from error
    if abs((time.time() if now is None else now) - at) > TOLERANCE_S:
        raise Forbidden("The message is too old.")
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    right = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    signatures = [each.removeprefix("v1,") for each in given.get("webhook-signature", "").split()]
    if not any(hmac.compare_digest(right.encode(), each.encode()) for each in signatures):
        raise Forbidden("The message was not signed by this secret.")
    try:
        return Event.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest("The message is no event.") from error
