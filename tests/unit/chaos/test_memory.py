"""A database put back to what it was a few seconds ago."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from chaos import memory


def test_what_was_written_since_the_copy_is_gone(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as server:
        server.execute("PRAGMA journal_mode=WAL")
        server.execute("CREATE TABLE events (number)")
        server.execute("INSERT INTO events VALUES (1)")
        copied = memory.copy(database)
        server.execute("INSERT INTO events VALUES (2)")
    memory.put_back(copied, database)
    with closing(sqlite3.connect(database)) as server:
        assert server.execute("SELECT number FROM events").fetchall() == [(1,)]
    assert [path.name for path in tmp_path.iterdir()] == ["temporal.db"]
