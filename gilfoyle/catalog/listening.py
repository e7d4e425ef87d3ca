"""Being woken by PostgreSQL: a connection of its own that listens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql

from gilfoyle.catalog.database import CONNECT_TIMEOUT_S, Database
from gilfoyle.errors import Unavailable

Wait = Callable[[float], Awaitable[None]]
"""Waits until there is a notification, or so many seconds have passed. Raises Unavailable."""


@asynccontextmanager
async def listening(database: Database, channel: str) -> AsyncIterator[Wait]:
    """Listen until the end of the block.

    A notification may get lost: a pooler that gives connections to one transaction at a time hands none on. So whoever
    waits also looks now and then. Raises Unavailable.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(
            database.conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        )
        async with connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))

            async def wait(seconds: float) -> None:
                async for _ in connection.notifies(timeout=seconds, stop_after=1):
                    pass

            yield wait
    except psycopg.Error as error:
        raise Unavailable("The catalog (PostgreSQL) can't be reached; try again.") from error
