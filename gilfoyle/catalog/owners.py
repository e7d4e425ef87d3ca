"""Who owns what lies in the storage: what a sweep asks before it takes anything for left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, extract, func, not_, select, update
from sqlmodel import col

from gilfoyle.catalog.models import NO_UPLOAD, Media, MediaStatus
from gilfoyle.catalog.rows import Rows


@dataclass(frozen=True)
class Owner:
    """A media's row, as far as it decides what of its objects is owned. Deleting ones are rows too."""

    storage: str
    status: str
    encoding: int
    """The one that it serves."""
    uploading: bool
    """An upload's lease is alive."""
    idle_s: float
    """Seconds since the row was changed last."""


_ALIVE = not_(NO_UPLOAD)
_COLUMNS: tuple[Any, ...] = (
    col(Media.id),
    col(Media.storage),
    col(Media.status),
    col(Media.encoding),
    _ALIVE,
    extract("epoch", func.now() - col(Media.updated_at)),
)


class Owners(Rows):
    """`catalog.owners`."""

    async def storages(self) -> set[str]:
        """The backends in which medias lie."""
        async with self._database.session() as session:
            return set((await session.scalars(select(col(Media.storage)).distinct())).all())

    async def of(self, media_ids: Sequence[UUID]) -> dict[UUID, Owner]:
        """The rows that there are of these medias, by one query."""
        query = select(*_COLUMNS).where(col(Media.id).in_(media_ids))
        async with self._database.session() as session:
            return {row[0]: _owner(row) for row in await session.execute(query)}

    async def uploading(self, storage: str) -> bool:
        """Whether an upload into that backend is alive."""
        query = select(col(Media.id)).where(col(Media.storage) == storage, _ALIVE).limit(1)
        async with self._database.session() as session:
            return (await session.execute(query)).first() is not None

    @asynccontextmanager
    async def held(self, media_id: UUID) -> AsyncIterator[Owner | None]:
        """The row, which nobody can change until the end of the block: no upload begins, no state changes.

        A lease that has ended is taken away, so that what an upload of it had stored is not accepted after the block.
        """
        query = select(*_COLUMNS).where(col(Media.id) == media_id).with_for_update()
        async with self._database.session() as session:
            row = (await session.execute(query)).one_or_none()
            owner = None if row is None else _owner(row)
            if owner and owner.status == MediaStatus.AWAITING_UPLOAD and not owner.uploading:
                await session.execute(update(Media).where(col(Media.id) == media_id).values(upload_lease=None))
            yield owner


def _owner(row: Row[*tuple[Any, ...]]) -> Owner:
    _id, storage, status, encoding, uploading, idle_s = row
    return Owner(storage, status, encoding, uploading, float(idle_s))
