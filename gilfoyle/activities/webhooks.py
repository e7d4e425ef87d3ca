"""Sending events to webhooks. On the webhooks queue, so that slow receivers hold up nothing else."""

from __future__ import annotations

import json
import logging
import random
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Attempt, Catalog, Delivery, Webhook
from gilfoyle.catalog.models import now
from gilfoyle.config import WebhookSettings
from gilfoyle.errors import FetchFailed, InvalidRequest, NotFound
from gilfoyle.net.fetch import Answer, Fetcher
from gilfoyle.net.signing import signed
from gilfoyle.tasks import gather_or_cancel

AT_ONCE = 8
"""How many requests one receiver gets at a time: each is of another media."""
# With 100,000 that wait, finding the first of each media takes 0.2 s.
_PAGE = 200
_ROUND_S = 30.0
_ANSWER_BYTES = 1000
_GONE = 410
# Of these, and of no other error, Retry-After says when to come again (RFC 9110, 15.6.4; RFC 6585, 4).
_BUSY = (429, 503)
LONGEST_HOLD_S = 3600
"""A receiver that wants a longer pause (seconds) is asked again after this."""
# Receivers that failed together do not all come back in the same moment.
_JITTER = 0.1
_ORDER = ("id", "type", "project", "media_id", "data", "created_at")
log = logging.getLogger(__name__)


class SendInput(BaseModel):
    """Which webhook."""

    webhook_id: UUID


class Sent(BaseModel):
    """What is left."""

    more: bool
    """There is something else to be sent now."""


class WebhookActivities:
    """What was sent may be sent again if its worker dies before it could say so: receivers tell by `webhook-id`."""

    def __init__(self, catalog: Catalog, settings: WebhookSettings, allow: Sequence[str]) -> None:
        self._catalog = catalog
        self._settings = settings
        self._allow = list(allow)

    @activity.defn
    async def send_due(self, job: SendInput) -> Sent:
        """Send what is due, for half a minute at most."""
        end = time.monotonic() + _ROUND_S
        async with Fetcher(self._allow) as fetcher:
            while time.monotonic() < end:
                webhook = await self._find(job.webhook_id)
                due = deque(await self._catalog.deliveries.due(job.webhook_id, _PAGE) if webhook else [])
                if webhook is None or not due:
                    break
                await gather_or_cancel(*(self._work(fetcher, webhook, due, end) for _ in range(AT_ONCE)))
        return Sent(more=await self._catalog.deliveries.settle(job.webhook_id))

    async def _find(self, webhook_id: UUID) -> Webhook | None:
        """None if it was deleted, is disabled, or wants nothing for now."""
        try:
            webhook = await self._catalog.webhooks.get(webhook_id)
        except NotFound:
            return None
        return webhook if webhook.enabled and not webhook.is_held else None

    async def _work(self, fetcher: Fetcher, webhook: Webhook, due: deque[Delivery], end: float) -> None:
        """Send one after another, until none is left, the time is up, or the receiver wants no more."""
        while due and time.monotonic() < end:
            if not await self._send(fetcher, webhook, due.popleft()):
                due.clear()

    async def _send(self, fetcher: Fetcher, webhook: Webhook, delivery: Delivery) -> bool:
        """False: the receiver wants no more, ever or for now."""
        body = payload(delivery)
        headers = signed(delivery.message_id, int(time.time()), body, webhook.secrets)
        began = time.monotonic()
        answer, error = None, None
        try:
            answer = await fetcher.call(
                "POST",
                webhook.url,
                headers={"Content-Type": "application/json", **headers},
                content=body,
                timeout_s=self._settings.timeout_s,
                most_bytes=_ANSWER_BYTES,
            )
        except (FetchFailed, InvalidRequest) as failure:
            error = failure.message
        attempt = _attempt(time.monotonic() - began, answer, error)
        if attempt.answer_status == _GONE:
            reason = "It answered 410: nothing more is to be sent there."
            log.info("webhook %s is disabled: it answered 410", webhook.id)
            await self._catalog.webhooks.disable(webhook.id, webhook.url, reason)
        hold_s = asked_pause(answer) if answer is not None else 0
        if hold_s:
            log.info("webhook %s is held for %g s: it answered %d", webhook.id, hold_s, attempt.answer_status)
            await self._catalog.webhooks.hold(webhook.id, webhook.url, hold_s)
        pause_s = self._pause(delivery)
        await self._catalog.deliveries.note(delivery, attempt, pause_s if pause_s is None else max(pause_s, hold_s))
        return attempt.answer_status != _GONE and not hold_s

    def _pause(self, delivery: Delivery) -> float | None:
        """Until the next attempt, if this one has failed (seconds). The last one is when the time is up."""
        tried_for = (now() - (delivery.first_tried_at or now())).total_seconds()
        left = self._settings.give_up_after_s - tried_for
        if left <= 0:
            return None
        pauses = self._settings.retry_after_s
        pause = pauses[min(delivery.attempts, len(pauses) - 1)]
        return min(pause * random.uniform(1 - _JITTER, 1 + _JITTER), left)


def asked_pause(answer: Answer) -> float:
    """How long the receiver wants to be left alone (RFC 9110, 10.2.3), in seconds, an hour at most; 0: not said."""
    asked = answer.headers.get("retry-after", "").strip() if answer.status in _BUSY else ""
    if asked.isascii() and asked.isdecimal():
        return float(min(int(asked[:9]), LONGEST_HOLD_S))
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return 0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now()).total_seconds(), 0), LONGEST_HOLD_S)


def payload(delivery: Delivery) -> bytes:
    """What is sent: the event as the API shows it, with the same bytes each time."""
    ordered = {name: delivery.event[name] for name in _ORDER}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode()


def _attempt(duration_s: float, answer: Answer | None, error: str | None) -> Attempt:
    if answer is None:
        return Attempt(round(duration_s, 3), error=(error or "")[:500])
    if answer.redirects_to is not None:
        error = f"It redirects to {answer.redirects_to[:300]}, which is not followed: give the webhook that URL."
    elif not 200 <= answer.status < 300:
        error = f"It answered {answer.status}."
    shown = answer.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Attempt(round(duration_s, 3), error, answer.status, shown[:_ANSWER_BYTES])
