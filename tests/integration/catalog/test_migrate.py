from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool
from sqlmodel import Session, SQLModel, col, select

from gilfoyle.catalog import Key, Lease, Project, SigningKey, UploadSession, deliveries, models, outbox, webhooks
from gilfoyle.catalog.database import driver_url
from gilfoyle.catalog.idempotency import Once
from gilfoyle.catalog.migrate import MIGRATIONS, upgrade
from gilfoyle.catalog.search import MediaSearch
from gilfoyle.errors import ConfigError, Unavailable


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
    ours = (
        Lease,
        Project,
        Key,
        SigningKey,
        Once,
        models.Media,
        MediaSearch,
        models.Replacement,
        models.Rendition,
        models.TrackRow,
        models.PlaybackId,
        models.Attachment,
        models.Recipe,
        models.Errand,
        models.Import,
        outbox.Event,
        UploadSession,
        webhooks.Webhook,
        deliveries.Delivery,
    )
    assert tables == {*(str(each.__tablename__) for each in ours), "alembic_version"}


def test_stored_codes_take_the_new_words_and_back(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(driver_url(empty_url), poolclass=NullPool)
    probe = {"container": "mov", "warnings": [{"code": "source_cut"}, {"code": "audio_undecodable"}]}
    with Session(engine) as session:
        session.add(models.Media(title="Mute", audio_only=True, error_code="frame_too_large", probe=probe))
        session.add(models.Media(title="Whole"))
        session.commit()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0012")
        row = connection.execute(text("SELECT sound_only, error_code, probe FROM media WHERE title = 'Mute'")).one()
        old = {"container": "mov", "warnings": [{"code": "source_cut"}, {"code": "sound_undecodable"}]}
        assert row == (True, "picture_too_large", old)
    upgrade(empty_url)
    with Session(engine) as session:
        mute, whole = session.exec(select(models.Media).order_by(col(models.Media.title))).all()
        assert (mute.audio_only, mute.error_code, mute.probe) == (True, "frame_too_large", probe)
        assert (whole.audio_only, whole.error_code, whole.probe) == (False, None, None)


@pytest.fixture
def restricted_url(empty_url: str) -> Iterator[str]:
    """A database in which its user may create tables, but no extensions."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute("GRANT CREATE ON SCHEMA public TO guest")
        yield empty_url.replace("//gilfoyle@", "//guest@")
        connection.execute("DROP OWNED BY guest")
        connection.execute("DROP ROLE guest")


def test_a_database_that_takes_no_extensions_says_what_to_do(restricted_url: str, empty_url: str) -> None:
    with pytest.raises(ConfigError, match="run CREATE EXTENSION pg_trgm in this database"):
        upgrade(restricted_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA apart")
        connection.execute("GRANT USAGE ON SCHEMA apart TO guest")
        connection.execute("CREATE EXTENSION pg_trgm SCHEMA apart")
        connection.execute("CREATE EXTENSION unaccent SCHEMA apart")
    upgrade(restricted_url)


def test_what_was_there_is_found_after_the_migration(empty_url: str) -> None:
    upgrade(empty_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(driver_url(empty_url), poolclass=NullPool)
    with Session(engine) as session:
        session.add(models.Media(title="Crème", file_name="Łódź.mp4", tags=["a"]))
        session.commit()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0017")
    upgrade(empty_url)
    with Session(engine) as session:
        found = session.exec(select(MediaSearch)).one()
    assert (found.words, found.tags, found.client_metadata) == ("creme\n\nlodz.mp4", ["a"], {})


async def test_many_processes_may_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_url) for _ in range(6)))
    await asyncio.to_thread(upgrade, empty_url)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        upgrade("postgresql://nobody@127.0.0.1:1/none")
