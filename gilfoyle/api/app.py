"""The composition root of the API: the routes' dependencies are made and closed here."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any

from fastapi import Depends, FastAPI, Request
from starlette.routing import BaseRoute

from gilfoyle import __version__, lifeline, logs, traces
from gilfoyle.api import (
    attachments,
    cancel,
    decisions,
    deprecation,
    docs,
    errors,
    events,
    health,
    home,
    idempotency,
    keys,
    medias,
    playback_ids,
    projects,
    replacement,
    retry,
    signing_keys,
    source,
    stream,
    tracks,
    tus,
    upload,
    upload_parts,
    uploads,
    verify,
    watch,
    webhooks,
)
from gilfoyle.api.addresses import Addresses
from gilfoyle.api.auth import guard, guard_admin
from gilfoyle.api.browsers import GuardBrowsers
from gilfoyle.api.compress import CompressJson
from gilfoyle.api.delivering import delivering
from gilfoyle.api.deprecation import TellDeprecated
from gilfoyle.api.envelope import Problem
from gilfoyle.api.feed import Feed
from gilfoyle.api.hosts import CheckHosts
from gilfoyle.api.keyring import KeyRing
from gilfoyle.api.limits import LimitRequests
from gilfoyle.api.methods import AnswerHead
from gilfoyle.api.metrics import MeasureRequests
from gilfoyle.api.negotiation import require_acceptable
from gilfoyle.api.origins import GuardOrigins
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.api.playback import Playbacks
from gilfoyle.api.queries import KnownParameters
from gilfoyle.api.recovery import recovering
from gilfoyle.api.requests import RequestIds
from gilfoyle.api.segments import ServeSegments
from gilfoyle.api.server import run
from gilfoyle.api.services import Services
from gilfoyle.api.small_bodies import ReadSmallBodies
from gilfoyle.api.tokens import Tokens
from gilfoyle.api.totals import TotalsOfAll
from gilfoyle.api.traced import TraceRequests
from gilfoyle.catalog import Catalog, Database
from gilfoyle.catalog.migrate import upgrade
from gilfoyle.config import Settings
from gilfoyle.errors import GilfoyleError
from gilfoyle.ingest import Attaching, DirectIngest, Ingest, SessionIngest
from gilfoyle.net.fetch import Fetcher
from gilfoyle.storage import Storages
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.telemetry import exported

log = logging.getLogger(__name__)
_DESCRIPTION = """Send a video or an audio file; it is encoded as adaptive HLS and streamed.

Create a media, upload its file, and play `stream_url` as soon as it is there.
Answers are `{"code": "ok", "data", "metadata"}`, errors `{"type", "code", "message", "fields", "request_id"}`."""
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request can't be answered as it is."},
    "5XX": {"model": Problem, "description": "The server can't answer; `Retry-After` says when to try again."},
}


def serve(settings: Settings) -> None:
    """`gilfoyle api`: bring the catalog up to date and answer requests until SIGTERM or Ctrl-C.

    Raises ConfigError if it would be open to all, Unavailable without PostgreSQL, StartupError if it can't start.
    """
    logs.set_up(settings.logs.format)
    lifeline.watch()
    settings.auth.check(settings.server.host)
    if settings.auth.is_exposed(settings.server.host, settings.server.public_url):
        log.warning(
            "Others reach the API by %s, and it asks for no keys: set auth.enabled, unless the proxy guards it.",
            settings.server.public_url,
        )
    upgrade(settings.database.url)
    with exported(settings.metrics, "api"), traces.sent(settings.traces.endpoint, "api", settings.traces.most_spans):
        run(create_app(settings), settings.server)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application. It connects when its lifespan starts, and starts even if PostgreSQL or Temporal is down."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            async with (
                recovering(services.catalog, services.pipeline, services.sessions),
                services.feed.following(),
                delivering(services.catalog, services.pipeline, services.feed),
                services.totals.told(),
            ):
                yield

    async def upload_origin(upload_id: str) -> str | None:
        try:
            services: Services = app.state.services
            return (await services.catalog.upload_sessions.get(upload_id)).cors_origin
        except GilfoyleError:  # the answer will say so
            return None

    app = FastAPI(
        title="Gilfoyle",
        description=_DESCRIPTION,
        version=__version__,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,  # that and its pages are ours, api/docs.py
        responses=_PROBLEMS,
    )
    app.router.routes += _routes()
    webhooks.describe(app)
    errors.install(app)
    idempotency.describe(app)
    docs.describe(app, asks_for_keys=settings.auth.asks(settings.server.host))
    deprecation.describe(app)
    app.add_middleware(idempotency.DoOnce)
    app.add_middleware(TellDeprecated, server=settings.server)
    app.add_middleware(tus.OverrideMethod)
    app.add_middleware(ReadSmallBodies)
    app.add_middleware(AnswerHead)
    app.add_middleware(ServeSegments)
    app.add_middleware(CompressJson)
    app.add_middleware(LimitRequests, server=settings.server, limits=settings.limits)
    app.add_middleware(MeasureRequests)
    app.add_middleware(GuardOrigins, server=settings.server, upload_origin=upload_origin)
    app.add_middleware(CheckHosts, server=settings.server)
    app.add_middleware(RequestIds)
    if settings.traces.endpoint:
        app.add_middleware(TraceRequests)
    app.add_middleware(GuardBrowsers)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Made once in a process: to work them out takes FastAPI longer than the rest of a start (0.17 s, at first use)."""
    app = FastAPI(responses=_PROBLEMS, openapi_url=None)
    parameters = KnownParameters()

    async def check(request: Request) -> None:
        """One dependency, for FastAPI takes 15 µs to solve each."""
        require_acceptable(request)
        await parameters(request)

    of_medias = (upload, source, tracks, attachments, playback_ids, replacement, retry, cancel, verify)
    for managing in (medias, *of_medias, events):
        app.include_router(managing.router, dependencies=[Depends(guard.before(check))])
    for administering in (keys, projects, signing_keys, webhooks):
        app.include_router(administering.router, dependencies=[Depends(guard_admin.before(check))])
    for uploading in (tus.only_tus, tus.router, uploads.router, upload_parts.router):
        app.include_router(uploading, dependencies=[Depends(check)])
    app.include_router(source.open_router, dependencies=[Depends(check)])
    for public in (home, health, stream, decisions, watch):
        app.include_router(public.router)
    docs.install(app)
    app.mount("/static", watch.static_files())
    return app.router.routes


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """The routes' dependencies, until the end of the block."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database.url, settings.database.pool_size, pooled=settings.database.pooled)
        stack.push_async_callback(database.close)
        storages = Storages(settings.storage)
        stack.push_async_callback(storages.close)
        await storages.open()  # wrong settings are said at the start, not to the first client
        fetcher = await stack.enter_async_context(Fetcher(settings.net.allow))
        catalog = Catalog(database)
        client = await connect(settings.temporal, lazy=True)
        pipeline = Pipeline(client, settings)
        ingest = Ingest(catalog, storages, settings.limits.upload_bytes)
        sessions = SessionIngest(catalog, storages, ingest)
        attaching = Attaching(catalog, storages, settings.limits.attachment_bytes)
        tokens = Tokens(catalog)
        yield Services(
            settings,
            Addresses(settings.server),
            database,
            catalog,
            storages,
            ingest,
            sessions,
            DirectIngest(catalog, storages, ingest, sessions),
            attaching,
            pipeline,
            Playbacks(catalog, tokens),
            tokens,
            KeyRing(catalog, settings.auth.admin_key.get_secret_value()),
            Feed(catalog, database),
            fetcher,
            TotalsOfAll(catalog, client, settings),
        )
