"""The client: one server, and all that can be asked of it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

import httpx2

from gilfoyle.client.synchronous.access import Keys, Projects, SigningKeys
from gilfoyle.client.synchronous.connection import Connection
from gilfoyle.client.synchronous.events import Events, Webhooks
from gilfoyle.client.synchronous.medias import Medias
from gilfoyle.client.synchronous.uploads import Uploads


class Gilfoyle:
    """A Gilfoyle server. Every method raises the error that the server names (`gilfoyle.errors`), or Unavailable."""

    def __init__(
        self,
        url: str = "",
        api_key: str = "",
        *,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`url` and `api_key`: by default $GILFOYLE_URL, else this machine, and $GILFOYLE_API_KEY."""
        address = url or os.environ.get("GILFOYLE_URL", "") or "http://127.0.0.1:8000"
        self._connection = Connection(address, api_key or os.environ.get("GILFOYLE_API_KEY", ""), transport)
        self.medias = Medias(self._connection)
        self.uploads = Uploads(self._connection)
        self.events = Events(self._connection)
        self.webhooks = Webhooks(self._connection)
        self.keys = Keys(self._connection)
        self.projects = Projects(self._connection)
        self.signing_keys = SigningKeys(self._connection)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._connection.close()
