from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from gilfoyle.catalog import models
from gilfoyle.catalog.database import driver_url
from gilfoyle.catalog.migrate import upgrade
from gilfoyle.errors import Unavailable


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database of its own without any table."""
    name = f"test_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
        yield postgres_url.replace("/gilfoyle?", f"/{name}?")
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_migrations_and_models_agree(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(driver_url(empty_url), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        tables = set(inspect(connection).get_table_names())
    ours = (models.Media, models.Rendition, models.TrackRow, models.PlaybackId, models.Recipe, models.Errand)
    assert tables == {*(str(each.__tablename__) for each in ours), "alembic_version"}


async def test_many_processes_may_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_url) for _ in range(6)))
    await asyncio.to_thread(upgrade, empty_url)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        upgrade("postgresql://nobody@127.0.0.1:1/none")
