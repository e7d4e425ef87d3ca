"""What commands do in the catalog itself, where no server need run and no key is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from gilfoyle.catalog import Catalog, Database
from gilfoyle.catalog.migrate import upgrade
from gilfoyle.config import Settings, load

T = TypeVar("T")


def in_catalog(work: Callable[[Catalog], Awaitable[T]], data: Path, config: Path | None) -> T:
    """Have it done, in the database of the settings or of the `gilfoyle up` that runs on that folder.

    Its tables are brought up to date first, so that a key can be made before the first start. Raises Unavailable.
    """
    settings = load(config)
    url = _database_url(settings, data)
    upgrade(url)
    return asyncio.run(_in_catalog(work, Database(url, pool_size=1, pooled=settings.database.pooled)))


async def _in_catalog(work: Callable[[Catalog], Awaitable[T]], database: Database) -> T:
    try:
        return await work(Catalog(database))
    finally:
        await database.close()


def _database_url(settings: Settings, data: Path) -> str:
    """As `gilfoyle up` decides it: its own PostgreSQL, unless `database.url` names another."""
    if settings.database.url != Settings().database.url:
        return settings.database.url
    try:
        from gilfoyle.embedded.folder import DataFolder
        from gilfoyle.embedded.postgres import running_url
    except ImportError:  # without the embedded servers there is none of them
        return settings.database.url
    return running_url(DataFolder(data)) or settings.database.url
