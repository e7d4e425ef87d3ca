"""The client: one server, and all that can be asked of it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

import httpx2

from gilfoyle.client.asynchronous.access import AsyncKeys, AsyncProjects, AsyncSigningKeys
from gilfoyle.client.asynchronous.connection import Connection
from gilfoyle.client.asynchronous.events import AsyncEvents, AsyncWebhooks
from gilfoyle.client.asynchronous.medias import AsyncMedias
from gilfoyle.client.asynchronous.uploads import AsyncUploads


class AsyncGilfoyle:
    """A Gilfoyle server. Every method raises the error that the server names (`gilfoyle.errors`), or Unavailable."""

    def __init__(
        self,
        url: str = "",
        api_key: str = "",
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`url` and `api_key`: by default $GILFOYLE_URL, else this machine, and $GILFOYLE_API_KEY."""
        address = url or os.environ.get("GILFOYLE_URL", "") or "http://127.0.0.1:8000"
        self._connection = Connection(address, api_key or os.environ.get("GILFOYLE_API_KEY", ""), transport)
        self.medias = AsyncMedias(self._connection)
        self.uploads = AsyncUploads(self._connection)
        self.events = AsyncEvents(self._connection)
        self.webhooks = AsyncWebhooks(self._connection)
        self.keys = AsyncKeys(self._connection)
        self.projects = AsyncProjects(self._connection)
        self.signing_keys = AsyncSigningKeys(self._connection)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._connection.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._connection.close()
