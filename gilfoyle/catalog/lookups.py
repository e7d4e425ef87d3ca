"""Rows that are looked up all the time, past SQLAlchemy, whose part of such a query takes longer than all else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import AsyncRowFactory, kwargs_row
from psycopg.types.json import set_json_loads
from pydantic_core import from_json
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg

_Connection = AsyncConnection[SimpleNamespace]


class CompiledQuery:
    """A query as PostgreSQL gets it, put together once."""

    def __init__(self, query: Select[*tuple[Any, ...]], *, planned_once: bool = True) -> None:
        """`planned_once`: the best plan is the same for all values; else each run is planned by its own."""
        compiled = query.compile(dialect=PGDialectAsync_psycopg())  # type: ignore[no-untyped-call]
        self.sql = str(compiled).encode()
        self.parameters = dict(compiled.params)
        # None: psycopg prepares it after a few runs, and PostgreSQL then keeps its plan.
        self.prepare = None if planned_once else False


class Lookups:
    """A few connections that all share: such a query takes a millisecond or less, and they take turns.

    Connects when first used, and again when the server has dropped them. Close it when done.
    """

    def __init__(self, conninfo: str, timeout_s: int, most: int = 1, *, prepares: bool = True) -> None:
        """`most`: connections; `prepares`: whether the server is to remember queries that come again."""
        self._conninfo = conninfo
        self._timeout_s = timeout_s
        self._prepares = prepares
        self._free: list[_Connection] = []
        self._turns = asyncio.Semaphore(most)

    async def rows(self, query: CompiledQuery, values: Mapping[str, object]) -> list[SimpleNamespace]:
        """The rows that a query finds. Raises psycopg's errors."""
        parameters = {**query.parameters, **values}
        async with self._turns:
            while True:
                new = not self._free
                connection = await self._connect() if new else self._free.pop()
                try:
                    return await (await connection.execute(query.sql, parameters, prepare=query.prepare)).fetchall()
                except psycopg.OperationalError:
                    if new or not connection.closed:
                        raise
                finally:
                    if not connection.closed:
                        self._free.append(connection)

    async def close(self) -> None:
        while self._free:
            await self._free.pop().close()

    async def _connect(self) -> _Connection:
        row: AsyncRowFactory[SimpleNamespace] = kwargs_row(SimpleNamespace)
        connection = await AsyncConnection.connect(
            self._conninfo, autocommit=True, row_factory=row, connect_timeout=self._timeout_s
        )
        if not self._prepares:
            connection.prepare_threshold = None
        set_json_loads(from_json, connection)
        return connection
