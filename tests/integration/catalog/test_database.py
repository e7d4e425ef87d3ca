from __future__ import annotations

import asyncio
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, select, text

from gilfoyle.catalog import Catalog, Database, MediaFilter, Paging
from gilfoyle.catalog.database import LISTS
from gilfoyle.catalog.lookups import CompiledQuery
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


async def test_a_lookup_survives_a_server_that_drops_its_connection(catalog: Catalog, database: Database) -> None:
    media = await catalog.medias.create("Film")
    assert (await catalog.views.one(media.id)).media.title == "Film"
    async with database.session() as session:
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        await session.execute(text(f"{ended} AND state = 'idle' AND datname = 'gilfoyle'"))
    shown = await asyncio.gather(*(catalog.views.one(media.id) for _ in range(5)))
    assert {view.media.title for view in shown} == {"Film"}


async def test_lists_survive_a_server_that_drops_their_connections(catalog: Catalog, database: Database) -> None:
    async def titles() -> list[list[str]]:
        pages = await asyncio.gather(*(catalog.views.page(MediaFilter(), Paging(10)) for _ in range(10)))
        return [[view.media.title for view in page.views] for page in pages]

    await catalog.medias.create("Film")
    assert await titles() == [["Film"]] * 10
    async with database.session() as session:
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        await session.execute(text(f"{ended} AND state = 'idle' AND datname = 'gilfoyle'"))
    assert await titles() == [["Film"]] * 10


async def test_lists_at_once_have_values_of_their_own(catalog: Catalog) -> None:
    """They are of one form, whose query is put together once."""
    for number in range(20):
        await catalog.medias.create(f"Film {number}", tags=[f"tag-{number}"], metadata={"number": number})
    sought = [MediaFilter(tags=[f"tag-{number}"], metadata={"number": str(number)}) for number in range(20)]
    pages = await asyncio.gather(*(catalog.views.page(each, Paging(10), count=True) for each in sought))
    assert [[view.media.title for view in page.views] for page in pages] == [[f"Film {n}"] for n in range(20)]
    assert {page.total for page in pages} == {1}


async def test_a_list_that_was_given_up_leaves_its_connection_to_others(catalog: Catalog, database: Database) -> None:
    slow = CompiledQuery(select(func.pg_sleep(30)))
    given_up = [asyncio.create_task(database.rows(slow, {**slow.parameters})) for _ in range(LISTS)]
    await asyncio.sleep(0.2)
    for task in given_up:
        task.cancel()
    async with asyncio.timeout(10):
        assert (await catalog.views.page(MediaFilter(), Paging(10))).views == []


async def test_lookups_at_once_get_their_own_rows(catalog: Catalog) -> None:
    medias = [await catalog.medias.create(f"Film {number}") for number in range(20)]
    shown = await asyncio.gather(*(catalog.views.one(media.id) for media in medias))
    assert [view.media.title for view in shown] == [f"Film {number}" for number in range(20)]


async def test_a_lookup_without_a_server_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await Catalog(database).views.one(uuid4())
    await database.close()
