"""Migrations on a database with rows in every table: down to each version there has been, and up again.

The rows are made of the models, so a new table or column is in them by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    create_engine,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from gilfoyle import __version__
from gilfoyle.catalog import deliveries, idempotency, keys, leases, outbox, projects, signing, upload_sessions, webhooks
from gilfoyle.catalog.database import driver_url
from gilfoyle.catalog.migrate import MIGRATIONS, RELEASES, downgrade, upgrade
from gilfoyle.errors import ConfigError

# Their tables are known once they are imported.
MODELS = (deliveries, idempotency, keys, leases, outbox, projects, signing, upload_sessions, webhooks)
_NAMESPACE = UUID(int=7)
_BEGIN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
WRITTEN_BY_A_TRIGGER = "media_search"
# What a value has to be for others to make sense of it: those of the row with everything, and of the one with little.
VALUES: Mapping[tuple[str, str], tuple[Any, Any]] = {
    ("media", "status"): ("Ready", "AwaitingUpload"),
    ("replacement", "status"): ("Processing", "Errored"),
    ("upload_session", "status"): ("waiting", "uploading"),
    ("upload_session", "partial"): (False, False),
    ("playback", "policy"): ("signed", "public"),
}
# What was called otherwise, in versions before the one that is named.
NAMES_BEFORE = {("media", "sound_only"): "audio_only", ("replacement", "sound_only"): "audio_only"}

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


HEAD, *OLDER = [each.revision for each in _script().walk_revisions()]


def value(table: Table, column: Column[Any], number: int) -> Any:
    """Of the row `number`: 0 has everything, 1 only what it must."""
    if fixed := VALUES.get((table.name, column.name)):
        return fixed[number]
    if column.nullable and number:
        return None
    for key in column.foreign_keys:
        return value(key.column.table, key.column, number)
    kind = column.type
    if isinstance(kind, Uuid):
        return uuid5(_NAMESPACE, f"{table.name}.{column.name}.{number}")
    if isinstance(kind, Boolean):
        return number == 0
    if isinstance(kind, Float):
        return 12.5 + number
    if isinstance(kind, Integer):
        return 3 + number
    if isinstance(kind, DateTime):
        return _BEGIN + timedelta(days=number)
    if isinstance(kind, ARRAY):
        return ["größe", "b"] if number == 0 else []
    if isinstance(kind, JSONB):
        return {"of": table.name, "deep": [{"ü": None, "n": 1.5}]} if number == 0 else {}
    if isinstance(kind, LargeBinary):
        return b"\0\xff"
    assert isinstance(kind, String), f"{table.name}.{column.name} is of a type that this test does not know"
    return f"{column.name[:20]} {number}"[: kind.length]


def fill(connection: Connection) -> None:
    for table in SQLModel.metadata.sorted_tables:
        if table.name == WRITTEN_BY_A_TRIGGER:
            continue
        for number in (0, 1):
            row = {column.name: value(table, column, number) for column in table.columns}
            connection.execute(table.insert().values({table.c[name]: each for name, each in row.items()}))
    # What no older version can hold: it goes, and nothing else with it.
    sessions = SQLModel.metadata.tables["upload_session"]
    partial = {column.name: value(sessions, column, 0) for column in sessions.columns} | {"id": "part", "partial": True}
    connection.execute(sessions.insert().values(partial))


def rows(connection: Connection) -> Rows:
    """All that is in the database, by the names of today."""
    found = MetaData()
    found.reflect(connection)
    return {
        table.name: {
            tuple(getattr(row, column.name) for column in table.primary_key.columns): {
                NAMES_BEFORE.get((table.name, name), name): each for name, each in row._mapping.items()
            }
            for row in connection.execute(table.select())
        }
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def held_by_both(was: Rows, now: Rows) -> Rows:
    """What of `was` has a table and a column in `now`; without partial uploads, unless those have."""
    return {
        table: {
            key: {name: each for name, each in row.items() if name in columns}
            for key, row in was[table].items()
            if "partial" in columns or not row.get("partial")
        }
        for table in was.keys() & now.keys()
        for columns in [{name for row in now[table].values() for name in row}]
    }


def trimmed(now: Rows, like: Rows) -> Rows:
    """The same, of `now`: without what is new in it."""
    return {
        table: {
            key: {name: row[name] for name in row if name in like[table].get(key, row)} for key, row in each.items()
        }
        for table, each in now.items()
        if table in like
    }


@contextmanager
def connected(url: str) -> Any:
    engine = create_engine(driver_url(url), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


@pytest.fixture(scope="module")
async def filled(postgres_url: str) -> AsyncIterator[str]:
    """A database with rows in every table, to be copied."""
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute("CREATE DATABASE test_filled")
        url = postgres_url.replace("/gilfoyle?", "/test_filled?")
        upgrade(url)
        with connected(url) as filling:
            fill(filling)
        yield "test_filled"
        await connection.execute("DROP DATABASE test_filled WITH (FORCE)")


@pytest.fixture
async def url(postgres_url: str, filled: str) -> AsyncIterator[str]:
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE test_moved TEMPLATE {filled}")
        yield postgres_url.replace("/gilfoyle?", "/test_moved?")
        await connection.execute("DROP DATABASE test_moved WITH (FORCE)")


def test_every_table_and_column_has_a_value(url: str) -> None:
    with connected(url) as connection:
        there = rows(connection)
    assert {*there} == {*SQLModel.metadata.tables}
    for table in SQLModel.metadata.sorted_tables:
        assert len(there[table.name]) >= 2
        for column in table.columns:
            assert any(row[column.name] is not None for row in there[table.name].values()), f"{table}.{column}"


@pytest.mark.parametrize("revision", OLDER)
def test_nothing_is_lost_that_the_older_version_can_hold(
    url: str, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(url) as connection:
        began = rows(connection)
    monkeypatch.setitem(RELEASES, "older", revision)
    downgrade(url, "older")
    with connected(url) as connection:
        older = rows(connection)
    kept = held_by_both(began, older)
    assert kept and trimmed(older, kept) == kept

    upgrade(url)
    with connected(url) as connection:
        ended = rows(connection)
        # What plays has an address, and is found by its title.
        lacking = "SELECT count(*) FROM media WHERE id NOT IN (SELECT media_id FROM playback)"
        assert connection.execute(text(lacking)).scalar_one() == 0
    assert {*ended} == {*began}
    assert ended[WRITTEN_BY_A_TRIGGER].keys() == began["media"].keys() <= ended["media"].keys()
    assert trimmed({table: ended[table] for table in kept}, kept) == kept


def test_this_version_is_a_release_with_the_newest_tables() -> None:
    """A migration that comes after a release is of a version of its own."""
    assert RELEASES[__version__] == HEAD
    assert {*RELEASES.values()} <= {HEAD, *OLDER}


def test_what_is_no_release_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no release '0\.0\.9'; there are 0\.1\.0"):
        downgrade(url, "0.0.9")


def test_the_command_goes_back_and_on(url: str) -> None:
    def migrate(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "gilfoyle", "migrate", *options]
        environment = os.environ | {"GILFOYLE_DATABASE__URL": url}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    assert migrate("--back-to", __version__) == (0, f"The catalog is as {__version__} has it.\n")
    assert migrate("--back-to", "7") == (1, f"There is no release '7'; there are {', '.join(RELEASES)}.\n")
    assert migrate() == (0, "The catalog is up to date.\n")
