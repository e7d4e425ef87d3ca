"""Attachments: small files beside a media, such as a licence or captions in another format."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import Attachment, Media
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

MOST_ATTACHMENTS = 100
"""The most attachments of one media."""


class Attachments(Rows):
    """`catalog.attachments`. An object is stored before its row is entered, and removed after it."""

    async def of(self, media_id: UUID) -> list[Attachment]:
        """All attachments of a media, by name; none if there is no such media."""
        async with self._database.reading() as session:
            return await _rows(session, media_id)

    async def get(self, media_id: UUID, name: str) -> Attachment:
        """One attachment. Raises NotFound."""
        async with self._database.reading() as session:
            return await _named(session, media_id, name)

    async def put(self, attachment: Attachment, storage: str, *, replace: bool) -> Attachment | None:
        """Enter an attachment whose object lies in that storage; returns the one that it replaces.

        Raises NotFound if there is no such media; Conflict if the name is taken and `replace` is not set, if the media
        has too many attachments, or if it lies in another storage by now.
        """
        async with self._locked(attachment.media_id) as (session, media):
            if media.storage != storage:
                raise Conflict(f"The media moved to {media.storage} meanwhile: send the attachment again.")
            rows = {row.name: row for row in await _rows(session, media.id)}
            before = rows.get(attachment.name)
            if before is not None and not replace:
                raise Conflict(
                    "The media has an attachment of that name: remove it first, or send the new one by PUT.",
                    code="attachment_exists",
                    fields={"file": "has the name of another attachment"},
                )
            if before is None and len(rows) >= MOST_ATTACHMENTS:
                raise Conflict(
                    f"The media has {len(rows)} attachments already: remove one first.", code="too_many_attachments"
                )
            if before is not None:
                await session.delete(before)
                await session.flush()
            session.add(attachment)
            _changed(media)
        return before

    async def remove(self, media_id: UUID, name: str) -> tuple[Media, Attachment]:
        """Remove the row; then its object may be removed, too. Raises NotFound."""
        async with self._locked(media_id) as (session, media):
            found = await _named(session, media_id, name)
            await session.delete(found)
            _changed(media)
        return media, found


async def _rows(session: AsyncSession, media_id: UUID) -> list[Attachment]:
    query = select(Attachment).where(col(Attachment.media_id) == media_id).order_by(col(Attachment.name))
    return list(await session.scalars(query))


def _changed(media: Media) -> None:
    """Count the change: a move that has copied the objects sees that they have changed."""
    media.attached += 1


async def _named(session: AsyncSession, media_id: UUID, name: str) -> Attachment:
    """The row of that name. Raises NotFound, also for names with NUL, which PostgreSQL's text can't hold."""
    found = None if "\0" in name else await session.get(Attachment, (media_id, name))
    if found is None:
        raise NotFound("The media has no attachment of that name.")
    return found
