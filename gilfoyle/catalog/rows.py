"""Reading and changing one media's row safely; what the rooms of the catalog share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.database import Database
from gilfoyle.catalog.models import NO_IMPORT, NO_REPLACEMENT, NO_RETRY, SILENT_S, Media, MediaStatus, now
from gilfoyle.errors import NotFound


def no_media(media_id: UUID) -> NotFound:
    return NotFound(f"There is no media {media_id}.")


class Rows:
    """The base of every room: it holds the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def _locked(self, media_id: UUID) -> AsyncIterator[tuple[AsyncSession, Media]]:
        """As `_locked_if_any`, but raises NotFound."""
        async with self._locked_if_any(media_id) as (session, media):
            if media is None:
                raise no_media(media_id)
            yield session, media

    @asynccontextmanager
    async def _locked_if_any(
        self, media_id: UUID, *, heard: bool = False
    ) -> AsyncIterator[tuple[AsyncSession, Media | None]]:
        """The media's row, locked until the end, so that changes of one media come one after another.

        None if there is none or it is Deleting: nothing that changes a media through here can bring one back.
        Sets `updated_at` if anything was changed. `heard`: then it is known, too, that somebody works for it.
        """
        async with self._database.session() as session:
            query = select(Media).where(col(Media.id) == media_id).with_for_update()
            media = (await session.scalars(query)).one_or_none()
            if media is not None and media.status == MediaStatus.DELETING:
                media = None
            yield session, media
            if media is not None and any(session.is_modified(row) for row in session.dirty):
                media.updated_at = now()
                if heard and media.due_at is not None:
                    media.promise(SILENT_S)

    async def _settle(self, session: AsyncSession, media: Media) -> None:
        """Something that was promised of a media that is Ready is done: have the rest looked at, if there is any.

        If there is none, the workflow that did it is looked at once more: see `catalog.promises.kept`.
        """
        await session.flush()
        more = select(or_(not_(NO_RETRY), not_(NO_REPLACEMENT), not_(NO_IMPORT))).where(col(Media.id) == media.id)
        if media.is_unpublished or await session.scalar(more):
            media.promise(0)
        else:
            media.promise(SILENT_S)
