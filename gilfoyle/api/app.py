"""The composition root of the API: what the routes work with is made here, and closed here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from gilfoyle import __version__, lifeline, logs
from gilfoyle.api import errors, health, medias, playback_ids, retry, stream, tracks, upload, verify, watch
from gilfoyle.api.envelope import Problem
from gilfoyle.api.hosts import CheckHosts
from gilfoyle.api.metrics import MeasureRequests, Metrics
from gilfoyle.api.origins import GuardOrigins
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.playback import Playbacks
from gilfoyle.api.recovery import recovering
from gilfoyle.api.server import run
from gilfoyle.api.services import Services
from gilfoyle.api.small_bodies import ReadSmallBodies
from gilfoyle.catalog import Catalog, Database
from gilfoyle.catalog.migrate import upgrade
from gilfoyle.config import Settings
from gilfoyle.ingest import Ingest
from gilfoyle.storage import Storages
from gilfoyle.temporal.connect import connect

_DESCRIPTION = """Send a video or an audio file; it is encoded as adaptive HLS and streamed.

Create a media, upload its file, and play `stream_url` as soon as it is there.
Answers are `{"code": "ok", "data", "metadata"}`, errors `{"code", "message", "fields"}`."""
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request can't be answered as it is."},
    "5XX": {"model": Problem, "description": "The server can't answer; `Retry-After` says when to try again."},
}


def serve(settings: Settings) -> None:
    """`gilfoyle api`: bring the catalog up to date and answer requests until SIGTERM or Ctrl-C.

    Raises Unavailable without PostgreSQL, StartupError if the server can't start.
    """
    logs.set_up()
    lifeline.watch()
    upgrade(settings.database.url)
    run(create_app(settings), settings.server)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application. It connects when its lifespan starts, and starts without what it connects to."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings, metrics) as services:
            app.state.services = services
            async with recovering(services.catalog, services.pipeline):
                yield

    # /docs from files of its own: a server in a closed network has no CDN to load them from.
    app = FastAPIOffline(
        title="Gilfoyle",
        description=_DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        responses=_PROBLEMS,
    )
    for module in (health, medias, upload, tracks, playback_ids, retry, verify, stream, watch):
        app.include_router(module.router)
    app.mount("/static", watch.static_files())
    errors.install(app)
    app.add_middleware(ReadSmallBodies)
    app.add_middleware(MeasureRequests, metrics=metrics)
    app.add_middleware(GuardOrigins, server=settings.server)
    app.add_middleware(CheckHosts, server=settings.server)
    return app


@asynccontextmanager
async def open_services(settings: Settings, metrics: Metrics) -> AsyncIterator[Services]:
    """What the routes work with, until the end of the block."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database.url, settings.database.pool_size)
        stack.push_async_callback(database.close)
        storages = Storages(settings.storage)
        stack.push_async_callback(storages.close)
        await storages.of()  # wrong settings are said at the start, not to the first client
        catalog = Catalog(database)
        pipeline = Pipeline(await connect(settings.temporal, lazy=True), settings)
        ingest = Ingest(catalog, storages, settings.limits.upload_bytes)
        yield Services(settings, database, catalog, storages, ingest, pipeline, Playbacks(catalog), metrics)
