"""Handing new events out to the webhooks that want them, in the transaction that writes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

# The webhook's row is changed in any case: so whoever looks what waits for it (`Deliveries.settle`) waits for this one.
_HAND_OUT = text(
    """
    WITH handed AS (
        INSERT INTO delivery (webhook_id, message_id, event, chain, status, attempts, next_try_at, created_at)
        SELECT webhook.id, 'event-' || event.id, to_jsonb(event), event.media_id, 'Waiting', 0, now(), now()
        FROM event JOIN webhook ON webhook.enabled AND webhook.project = event.project AND (
            webhook.types = '{}'
            OR event.type = ANY (webhook.types)
            OR split_part(event.type, '.', 1) || '.*' = ANY (webhook.types)
        )
        WHERE event.id = ANY (:ids)
        ORDER BY event.id
        RETURNING webhook_id
    )
    UPDATE webhook SET due_at = least(due_at, now()) WHERE id IN (SELECT webhook_id FROM handed)
    """
)


def hand_out(session: Session, event_ids: Sequence[int]) -> None:
    """Make deliveries of events that were just written."""
    session.execute(_HAND_OUT, {"ids": list(event_ids)})
