"""Bringing the catalog's tables up to date, with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gilfoyle.catalog.database import CONNECT_TIMEOUT_S, driver_url, translated

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number, the same in every process: `pg_advisory_xact_lock` makes the others wait.
_LOCK = 0x61_1F_0F_1E


def upgrade(url: str) -> None:
    """Run the migrations that the database at `url` does not have yet, all or none of them.

    Blocks; takes well under a second where there is nothing to do. Several processes may call it at once: one
    migrates, the others wait and find it done. Raises Unavailable.
    """
    engine = create_engine(driver_url(url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    with translated(), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
