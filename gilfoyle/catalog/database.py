"""The connection to PostgreSQL. Only here do SQLAlchemy's and psycopg's errors become ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from gilfoyle.catalog.changes import RecordingSession
from gilfoyle.catalog.lookups import CompiledQuery, Lookups
from gilfoyle.errors import ConfigError, InvalidRequest, Unavailable

CONNECT_TIMEOUT_S = 5
LISTS = 2
"""So many lists are read at a time, on connections of their own: a slow search keeps no media from being shown."""
POOL_TIMEOUT_S = 10
_UNDEFINED_TABLE = "42P01"


def driver_url(url: str) -> URL:
    """`postgresql://…`, also with `?host=/socket/dir`, for SQLAlchemy and psycopg. Raises ConfigError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError("database.url is not a URL such as postgresql://user@host/name.") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(f"database.url must start with postgresql://, not {parsed.drivername}://.")
    return parsed.set(drivername="postgresql+psycopg")


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the database into Unavailable, and of its data into InvalidRequest."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, OSError) as error:
        raise Unavailable("The catalog (PostgreSQL) can't be reached; try again.") from error
    except DataError as error:
        raise InvalidRequest("The catalog can't store one of the values.") from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != _UNDEFINED_TABLE:
            raise
        raise Unavailable("The catalog has no tables yet: run its migrations.") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:  # of lookups
        raise Unavailable("The catalog (PostgreSQL) can't be reached; try again.") from error
    except psycopg.DataError as error:
        raise InvalidRequest("The catalog can't store one of the values.") from error
    except psycopg.errors.UndefinedTable as error:
        raise Unavailable("The catalog has no tables yet: run its migrations.") from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable("The catalog (PostgreSQL) dropped the connection; try again.") from error


class Database:
    """A pool of connections, `pool_size` at most; one more for lookups, and two for lists.

    Connects when first used. Close it when done.
    """

    def __init__(self, url: str, pool_size: int = 10, *, pooled: bool = False) -> None:
        """`pooled`: between it and PostgreSQL lies a pooler that gives each transaction another connection."""
        self._url = driver_url(url)
        self._engine = create_async_engine(
            self._url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            # A restarted server leaves dead connections in the pool: ask before each use.
            pool_pre_ping=True,
            # What one connection has prepared, the next one of a pooler does not know.
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, **({"prepare_threshold": None} if pooled else {})},
            hide_parameters=True,  # of what failed: URLs of imports may be secrets, and errors reach logs and Temporal
        )
        self._sessions = async_sessionmaker(
            self._engine, expire_on_commit=False, autoflush=False, sync_session_class=RecordingSession
        )
        self._lookups = Lookups(self.conninfo, CONNECT_TIMEOUT_S, prepares=not pooled)
        self._lists = Lookups(self.conninfo, CONNECT_TIMEOUT_S, LISTS, prepares=not pooled)
        alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = async_sessionmaker(alone, expire_on_commit=False, autoflush=False)

    @property
    def conninfo(self) -> str:
        """Where PostgreSQL is, as psycopg and libpq read it. It holds the password."""
        # Not the URL: what SQLAlchemy writes as `+`, a space in the path of a socket, libpq reads as a plus.
        _, parameters = PGDialectAsync_psycopg().create_connect_args(self._url)  # type: ignore[no-untyped-call]
        return make_conninfo(**parameters)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back on an error. Raises Unavailable."""
        with translated():
            async with self._sessions.begin() as session:
                yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """For independent queries that change nothing: without BEGIN and ROLLBACK, which cost a round trip each.

        Raises Unavailable.
        """
        with translated():
            async with self._readers() as session:
                yield session

    async def row(self, query: CompiledQuery, **values: object) -> SimpleNamespace | None:
        """The row that a query finds, if any: for what is looked up all the time. Raises Unavailable."""
        with translated():
            return next(iter(await self._lookups.rows(query, values)), None)

    async def rows(self, query: CompiledQuery, values: Mapping[str, object]) -> list[SimpleNamespace]:
        """The rows that a query finds, which may take a while. Raises Unavailable."""
        with translated():
            return await self._lists.rows(query, values)

    async def ping(self) -> None:
        """Raises Unavailable if PostgreSQL does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._lookups.close()
        await self._lists.close()
        await self._engine.dispose()
