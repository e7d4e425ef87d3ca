"""What happens to medias, and webhooks that tell of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import httpx2

from gilfoyle.client.asynchronous.connection import Connection, element
from gilfoyle.client.asynchronous.waiting import sleep
from gilfoyle.client.models import Delivery, Event, Webhook, WebhookMade
from gilfoyle.errors import Unavailable

_PAUSE_S = 1.0


class AsyncEvents:
    """`client.events`. `types`: only those, such as `media.ready`; `media_id`: only those of that media."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(
        self, after: int = 0, *, types: Sequence[str] = (), media_id: UUID | str | None = None
    ) -> AsyncIterator[Event]:
        """Those that there are by now, in their order. `after`: the id of the last one that is known."""
        while True:
            params = {"after": after, "limit": 100, "type": ",".join(types) or None}
            found = await self._connection.data("GET", _events(media_id), params=params)
            for each in found:
                event = Event.model_validate(each)
                after = event.id
                yield event
            if not found:
                return

    async def follow(
        self, after: int | None = None, *, types: Sequence[str] = (), media_id: UUID | str | None = None
    ) -> AsyncIterator[Event]:
        """Each as it happens, for ever; first what came after `after`, if it is given.

        A connection that breaks is made again, and nothing is missed. Raises what the server refuses it for.
        """
        while True:
            params = {"type": ",".join(types)} if types else {}
            headers = {"Last-Event-ID": str(after)} if after is not None else {}
            try:
                async with self._connection.events(_events(media_id), params, headers) as stream:
                    async for sent in stream:
                        after = int(sent.id) if sent.id else after
                        if sent.data:
                            yield Event.model_validate(json.loads(sent.data))
            except (Unavailable, httpx2.SSEError):
                pass
            await sleep(_PAUSE_S)


class AsyncWebhooks:
    """`client.webhooks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, url: str, types: Sequence[str] = (), **fields: Any) -> WebhookMade:
        """Have events sent there. The `secret` by which they are signed is shown now, and never again."""
        body = {"url": url, "types": list(types), **fields}
        return WebhookMade.model_validate(await self._connection.data("POST", "/v1/webhooks", json=body))

    async def all(self) -> list[Webhook]:
        """The newest first."""
        return [Webhook.model_validate(each) for each in await self._connection.data("GET", "/v1/webhooks")]

    async def get(self, webhook_id: UUID | str) -> Webhook:
        """Raises NotFound."""
        return Webhook.model_validate(await self._connection.data("GET", _webhook(webhook_id)))

    async def edit(self, webhook_id: UUID | str, **changes: Any) -> Webhook:
        """Change `url`, `types`, `description` or `enabled`."""
        return Webhook.model_validate(await self._connection.data("PATCH", _webhook(webhook_id), json=changes))

    async def delete(self, webhook_id: UUID | str) -> None:
        """Nothing is sent there any more."""
        await self._connection.data("DELETE", _webhook(webhook_id))

    async def rotate_secret(self, webhook_id: UUID | str) -> WebhookMade:
        """A new secret; for a while, what is sent is signed by both."""
        path = f"{_webhook(webhook_id)}/rotate-secret"
        return WebhookMade.model_validate(await self._connection.data("POST", path))

    async def test(self, webhook_id: UUID | str) -> Delivery:
        """Have something sent there now."""
        return Delivery.model_validate(await self._connection.data("POST", f"{_webhook(webhook_id)}/test"))

    async def deliveries(self, webhook_id: UUID | str, *, status: str | None = None) -> AsyncIterator[Delivery]:
        """What was sent there, and what came of it, the newest first."""
        params: dict[str, Any] = {"status": status, "limit": 100}
        while found := await self._connection.data("GET", f"{_webhook(webhook_id)}/deliveries", params=params):
            for each in found:
                yield Delivery.model_validate(each)
            params["before"] = found[-1]["id"]

    async def redeliver(self, webhook_id: UUID | str, delivery_id: int) -> Delivery:
        """Have it sent again."""
        path = f"{_webhook(webhook_id)}/deliveries/{delivery_id}/redeliver"
        return Delivery.model_validate(await self._connection.data("POST", path))


def _events(media_id: UUID | str | None) -> str:
    return "/v1/events" if media_id is None else f"/v1/medias/{element(media_id)}/events"


def _webhook(webhook_id: UUID | str) -> str:
    return f"/v1/webhooks/{element(webhook_id)}"
