"""What Temporal remembers: a copy of its database, and the database put back to it, as by a power cut."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def copy(database: Path) -> Path:
    """As it is at this moment, while the server writes to it. Blocks for as long as copying takes."""
    target = database.with_name(f"{database.name}-copy")
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(database, timeout=30)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
    return target


def put_back(copied: Path, database: Path) -> None:
    """With the server down: what was written since the copy is gone. Blocks for a moment."""
    for beside in ("-wal", "-shm"):
        database.with_name(database.name + beside).unlink(missing_ok=True)
    copied.replace(database)
