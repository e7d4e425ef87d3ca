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


Injected = Annotated[Services, Depends(services_of)]
"""The type of a route's parameter that receives the services."""
