"""Which media owns what lies in the storage: a sweep asks before it removes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, extract, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import NO_REPLACEMENT, NO_UPLOAD, Media, MediaStatus, Replacement
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.upload_sessions import HAS_OPEN_SESSION, OPEN, UploadSession, id_of


@dataclass(frozen=True)
class Owner:
    """The part of a media's row that decides which objects it owns. Rows that are Deleting count, too."""

    storage: str
    status: str
    encoding: int
    """The encoding that it serves."""
    uploading: bool
    """An upload has a valid lease, or may still go on."""
    idle_s: float
    """Seconds since the row was changed last."""
    encodings: int = 1
    """How many encodings there have been."""
    uploads: int = 0
    """How many uploads were accepted."""
    sources: frozenset[int] = frozenset()
    """The uploads in use: those of the served encoding, unless its source was deleted, and of its replacement."""
    source_deleted: bool = False
    """The source of the served encoding was deleted."""
    replacing: bool = False
    """A replacement for the served version is being made."""


_ALIVE = not_(NO_UPLOAD)
_PARTIAL = col(UploadSession.partial) & col(UploadSession.status).in_(OPEN)
_COLUMNS: tuple[Any, ...] = (
    col(Media.id),
    col(Media.storage),
    col(Media.status),
    col(Media.encoding),
    or_(_ALIVE, HAS_OPEN_SESSION),
    extract("epoch", func.now() - col(Media.updated_at)),
    col(Media.encodings),
    col(Media.uploads),
    col(Media.upload),
    select(col(Replacement.upload)).where(col(Replacement.media_id) == col(Media.id)).scalar_subquery(),
    not_(NO_REPLACEMENT),
    col(Media.source_deleted_at).is_not(None),
)


class Owners(Rows):
    """`catalog.owners`."""

    async def storages(self) -> set[str]:
        """The backends that hold medias, or partial uploads."""
        partial = select(col(UploadSession.storage)).where(_PARTIAL)
        async with self._database.session() as session:
            return set((await session.scalars(select(col(Media.storage)).union(partial))).all())

    async def of(self, media_ids: Sequence[UUID]) -> dict[UUID, Owner]:
        """The existing rows of these medias, and of partial uploads, which lie in folders as medias do."""
        query = select(*_COLUMNS).where(col(Media.id).in_(media_ids))
        async with self._database.session() as session:
            found = {row[0]: _owner(row) for row in await session.execute(query)}
            others = {id_of(media_id): media_id for media_id in media_ids if media_id not in found}
            partial = select(col(UploadSession.id), col(UploadSession.storage)).where(_PARTIAL)
            rows = await session.execute(partial.where(col(UploadSession.id).in_(others)))
            return {**found, **{others[upload_id]: _partial(storage) for upload_id, storage in rows}}

    async def uploading(self, storage: str) -> bool:
        """Whether an upload into that backend is in progress."""
        query = select(col(Media.id)).where(col(Media.storage) == storage, _ALIVE).limit(1)
        async with self._database.session() as session:
            return (await session.execute(query)).first() is not None

    @asynccontextmanager
    async def held(self, media_id: UUID) -> AsyncIterator[Owner | None]:
        """The locked row: until the end of the block no upload begins and no state changes.

        An expired lease is removed, so that what its upload has stored is not accepted after the block.
        """
        query = select(*_COLUMNS).where(col(Media.id) == media_id).with_for_update()
        async with self._database.session() as session:
            row = (await session.execute(query)).one_or_none()
            owner = await _held_partial(session, media_id) if row is None else _owner(row)
            if owner and owner.status == MediaStatus.AWAITING_UPLOAD and not owner.uploading:
                await session.execute(update(Media).where(col(Media.id) == media_id).values(upload_lease=None))
            yield owner


async def _held_partial(session: AsyncSession, folder: UUID) -> Owner | None:
    query = select(col(UploadSession.storage)).where(_PARTIAL, col(UploadSession.id) == id_of(folder))
    storage = (await session.scalars(query.with_for_update())).one_or_none()
    return None if storage is None else _partial(storage)


def _partial(storage: str) -> Owner:
    """The owner of what a partial upload has brought, for as long as that is open."""
    return Owner(storage, MediaStatus.AWAITING_UPLOAD, 1, uploading=True, idle_s=0)


def _owner(row: Row[*tuple[Any, ...]]) -> Owner:
    _id, storage, status, encoding, uploading, idle_s, encodings, uploads, upload, next_upload, *rest = row
    replacing, deleted = rest
    sources = frozenset({upload, next_upload} - {None, upload if deleted else None})
    return Owner(storage, status, encoding, uploading, float(idle_s), encodings, uploads, sources, replacing, deleted)
