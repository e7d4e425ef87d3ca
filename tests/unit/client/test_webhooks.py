"""Messages that a receiver checks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from gilfoyle.client import verified
from gilfoyle.errors import Forbidden, InvalidRequest
from gilfoyle.net.signing import signed

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfFh1fDJlA="
OTHER = "whsec_AAFVsBQIhrscChlQIMV+b5sSYspob7oDazfFh1fDJlA="
EVENT = {
    "id": 7,
    "type": "media.ready",
    "project": "default",
    "media_id": None,
    "data": {},
    "created_at": "2026-11-29T03:00:00Z",
}
BODY = json.dumps(EVENT).encode()
NOW = 1_795_000_000


def test_what_the_server_signs_is_believed() -> None:
    for secrets in ([SECRET], [OTHER, SECRET]):  # while one is exchanged for another
        event = verified(BODY, signed("msg_1", NOW, BODY, secrets), SECRET, now=NOW + 10)
        assert (event.id, event.type) == (7, "media.ready")


def test_what_another_library_signs_is_believed() -> None:
    at = datetime.now(UTC)
    headers = {
        "Webhook-Id": "msg_2",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("msg_2", at, BODY.decode()),
    }
    assert verified(BODY, headers, SECRET).type == "media.ready"


@pytest.mark.parametrize(
    ("change", "secret", "now"),
    [
        ({}, OTHER, NOW),
        ({"webhook-id": "msg_9"}, SECRET, NOW),
        ({"webhook-timestamp": str(NOW + 1)}, SECRET, NOW),
        ({"webhook-timestamp": "soon"}, SECRET, NOW),
        ({"webhook-signature": ""}, SECRET, NOW),
        ({"webhook-signature": "v1,é v2,x"}, SECRET, NOW),
        ({}, SECRET, NOW + 301),
        ({}, SECRET, NOW - 301),
        ({}, "not base64!", NOW),
    ],
)
def test_what_others_send_is_not(change: dict[str, str], secret: str, now: float) -> None:
    with pytest.raises(Forbidden):
        verified(BODY, {**signed("msg_1", NOW, BODY, [SECRET]), **change}, secret, now=now)
    with pytest.raises(Forbidden):
        verified(BODY + b" ", signed("msg_1", NOW, BODY, [SECRET]), SECRET, now=NOW)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        verified(b"{}", signed("msg_1", NOW, b"{}", [SECRET]), SECRET, now=NOW)
