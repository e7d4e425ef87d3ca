"""Bringing the catalog's tables up to date, and back to an older release, with Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gilfoyle.catalog.database import CONNECT_TIMEOUT_S, driver_url, translated
from gilfoyle.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"
RELEASES = {"0.1.0": "0032"}
"""The last migration of each release. What migrates after a release is of a new version."""
# Any number, the same in every process: `pg_advisory_xact_lock` makes the others wait.
_LOCK = 0x61_1F_0F_1E


def upgrade(url: str) -> None:
    """Run the migrations that the database at `url` does not have yet, all or none of them.

    Blocks; takes well under a second where there is nothing to do. Several processes may call it at once: one
    migrates, the others wait and find it done. Raises Unavailable.
    """
    with _migrating(url) as config:
        command.upgrade(config, "head")


def downgrade(url: str, release: str) -> None:
    """Take the tables back to those of an older release. What that has no place for is dropped. Nobody may use them.

    Blocks. Raises ConfigError for what is no release, Unavailable.
    """
    if release not in RELEASES:
        raise ConfigError(f"There is no release {release!r}; there are {', '.join(RELEASES)}.")
    with _migrating(url) as config:
        command.downgrade(config, RELEASES[release])


@contextmanager
def _migrating(url: str) -> Iterator[Config]:
    """What Alembic needs, in a transaction that no other migration is beside."""
    engine = create_engine(driver_url(url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    with translated(), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        yield config
