"""The connection to PostgreSQL. SQLAlchemy's and psycopg's errors become ours here and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from gilfoyle.errors import ConfigError, InvalidRequest, Unavailable

CONNECT_TIMEOUT_S = 5
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
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable("The catalog (PostgreSQL) dropped the connection; try again.") from error


class Database:
    """A pool of connections, `pool_size` at most. Connects when first used. Close it when done."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self._engine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            # A restarted server leaves dead connections in the pool: ask before each use.
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False, autoflush=False)
        alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = async_sessionmaker(alone, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back on an error. Raises Unavailable."""
        with translated():
            async with self._sessions.begin() as session:
                yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """For queries that change nothing and stand each for itself: no BEGIN and ROLLBACK, a round trip each.

        Raises Unavailable.
        """
        with translated():
            async with self._readers() as session:
                yield session

    async def ping(self) -> None:
        """Raises Unavailable if PostgreSQL does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()
