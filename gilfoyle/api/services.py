"""What the routes work with. Made once by the composition root, in `app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gilfoyle.api.metrics import Metrics
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.playback import Playbacks
from gilfoyle.catalog import Catalog, Database
from gilfoyle.config import Settings
from gilfoyle.ingest import Ingest
from gilfoyle.storage import Storages


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    catalog: Catalog
    storages: Storages
    ingest: Ingest
    pipeline: Pipeline
    playbacks: Playbacks
    metrics: Metrics


async def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def base_url_of(request: Request) -> str:
    """The API's URL as this client reaches it, without a slash at its end."""
    services: Services = request.app.state.services
    return services.settings.server.public_url or str(request.base_url).rstrip("/")


BaseUrl = Annotated[str, Depends(base_url_of)]
"""The type of a route's parameter that receives that URL."""
Injected = Annotated[Services, Depends(services_of)]
"""The type of a route's parameter that receives the services."""
