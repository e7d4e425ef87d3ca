"""What the routes work with. Made once by the composition root, in `app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from gilfoyle.api.addresses import Addresses
from gilfoyle.api.feed import Feed
from gilfoyle.api.keyring import KeyRing
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.playback import Playbacks
from gilfoyle.api.tokens import MOST_CHARS, Tokens, Viewer
from gilfoyle.api.totals import TotalsOfAll
from gilfoyle.catalog import Catalog, Database
from gilfoyle.config import Settings
from gilfoyle.ingest import Attaching, DirectIngest, Ingest, SessionIngest
from gilfoyle.net.fetch import Fetcher
from gilfoyle.storage import Storages


@dataclass(frozen=True)
class Services:
    settings: Settings
    addresses: Addresses
    database: Database
    catalog: Catalog
    storages: Storages
    ingest: Ingest
    sessions: SessionIngest
    direct: DirectIngest
    attaching: Attaching
    pipeline: Pipeline
    playbacks: Playbacks
    tokens: Tokens
    keyring: KeyRing
    feed: Feed
    fetcher: Fetcher
    totals: TotalsOfAll

    @property
    def asks_for_keys(self) -> bool:
        return self.settings.auth.asks(self.settings.server.host)

    def viewer(self, request: Request, token: str) -> Viewer:
        """Whoever sent the request, to play something with that token."""
        return Viewer(request, self.addresses, token)


async def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def base_url_of(request: Request) -> str:
    """The API's URL as this client reaches it, without a slash at its end."""
    services: Services = request.app.state.services
    return services.addresses.base_url(request.scope)


BaseUrl = Annotated[str, Depends(base_url_of)]
"""The type of a route's parameter that receives that URL."""
Token = Annotated[str, Query(max_length=MOST_CHARS, description="of a signed playback id")]
"""The type of a route's parameter that receives a playback token."""
Injected = Annotated[Services, Depends(services_of)]
"""The type of a route's parameter that receives the services."""
