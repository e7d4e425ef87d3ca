from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from gilfoyle.catalog import Catalog, Database
from gilfoyle.errors import InvalidRequest, Unavailable


async def test_pings(database: Database) -> None:
    await database.ping()


@pytest.mark.parametrize(
    "url", ["postgresql://x@127.0.0.1:1/x", "postgresql://x@/x?host=/nowhere", "postgresql://x@no.invalid/x"]
)
async def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    database = Database(url)
    with pytest.raises(Unavailable):
        await database.ping()
    with pytest.raises(Unavailable):
        await Catalog(database).medias.page(10, 0)
    await database.close()


async def test_a_database_without_tables_is_unavailable(postgres_url: str) -> None:
    database = Database(postgres_url.replace("/gilfoyle?", "/postgres?"))
    with pytest.raises(Unavailable, match="migrations"):
        await Catalog(database).medias.page(10, 0)
    await database.close()


async def test_survives_connections_that_the_server_dropped(database: Database, database_url: str) -> None:
    await database.ping()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    await database.ping()


async def test_an_error_rolls_everything_back(database: Database) -> None:
    catalog = Catalog(database)
    media = await catalog.medias.create("Film")
    with pytest.raises(RuntimeError):
        async with database.session() as session:
            await session.execute(text("DELETE FROM media"))
            raise RuntimeError
    assert (await catalog.medias.get(media.id)).title == "Film"


@pytest.mark.parametrize("title", ["a\0b", "x" * 501])
async def test_text_that_can_not_be_stored_is_an_invalid_request(catalog: Catalog, title: str) -> None:
    with pytest.raises(InvalidRequest):
        await catalog.medias.create(title)


async def test_more_callers_than_connections_wait_for_their_turn(database_url: str) -> None:
    database = Database(database_url, pool_size=2)
    await asyncio.gather(*(database.ping() for _ in range(50)))
    await database.close()
