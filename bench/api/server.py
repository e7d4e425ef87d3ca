"""A server to measure: `python -m bench.api.server ours|bare DATABASE_URL` prints its port, and ends with its stdin."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from uuid import UUID

import psycopg
import uvicorn
from fastapi import FastAPI, Response
from psycopg.rows import kwargs_row
from pydantic_core import to_json

from gilfoyle.api.app import create_app
from gilfoyle.api.server import configure
from gilfoyle.catalog.views import one
from gilfoyle.config import DatabaseSettings, ServerSettings, Settings

BARE = "bare"


def main() -> None:
    """Answer until stdin ends."""
    side, url = sys.argv[1:]
    settings = Settings(server=ServerSettings(port=0), database=DatabaseSettings(url=url))
    app = bare(url) if side == BARE else create_app(settings)
    server = uvicorn.Server(configure(app, settings.server))

    def watch() -> None:
        while not server.started:
            threading.Event().wait(0.02)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    server.run()


def bare(url: str) -> FastAPI:
    """The yardstick: one route without middleware or dependencies, the same query on one connection of the driver's."""
    query = one()
    connections: list[psycopg.AsyncConnection[SimpleNamespace]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        row = kwargs_row(SimpleNamespace)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=row) as connection:
            connections.append(connection)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/medias/{media_id}")
    async def show(media_id: UUID) -> Response:
        cursor = await connections[0].execute(query.sql, {**query.parameters, "media_id": media_id})
        return Response(to_json({"code": "ok", "data": vars(await cursor.fetchone())}), media_type="application/json")

    return app


if __name__ == "__main__":
    main()
