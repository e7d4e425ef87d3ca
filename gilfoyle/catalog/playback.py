"""Playback ids: the addresses under which a media is played."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlmodel import col

from gilfoyle.catalog.models import Media, MediaStatus, PlaybackId
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

MOST_IDS = 100
"""Of a media."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Playback(Rows):
    """`catalog.playback`."""

    async def media(self, playback_id: str) -> Media:
        """What is played there. Raises NotFound, also for a media that is Deleting."""
        if not _ID.fullmatch(playback_id):
            raise _nothing()
        query = select(Media).join(PlaybackId, col(PlaybackId.media_id) == col(Media.id))
        query = query.where(col(PlaybackId.id) == playback_id, col(Media.status) != MediaStatus.DELETING)
        async with self._database.reading() as session:
            media = (await session.scalars(query)).one_or_none()
        if media is None:
            raise _nothing()
        return media

    async def of(self, media_id: UUID) -> list[str]:
        """The media's ids, the oldest first."""
        return (await self.of_many([media_id]))[media_id]

    async def of_many(self, media_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
        """The ids of each, by one query."""
        found: dict[UUID, list[str]] = {media_id: [] for media_id in media_ids}
        query = select(PlaybackId).where(col(PlaybackId.media_id).in_(media_ids))
        async with self._database.reading() as session:
            for row in await session.scalars(query.order_by(col(PlaybackId.created_at), col(PlaybackId.id))):
                found[row.media_id].append(row.id)
        return found

    async def add(self, media_id: UUID) -> str:
        """One more. Raises NotFound, and Conflict if the media has too many."""
        async with self._locked(media_id) as (session, _media):
            count = select(func.count()).where(col(PlaybackId.media_id) == media_id)
            if (await session.scalar(count) or 0) >= MOST_IDS:
                raise Conflict(f"The media has {MOST_IDS} playback ids already: revoke one.", code="too_many_ids")
            row = PlaybackId(media_id=media_id)
            session.add(row)
        return row.id

    async def revoke(self, media_id: UUID, playback_id: str) -> None:
        """Nothing is played there any more. Raises NotFound."""
        async with self._locked(media_id) as (session, _media):
            ours = (col(PlaybackId.media_id) == media_id) & (col(PlaybackId.id) == playback_id)
            gone = await session.execute(delete(PlaybackId).where(ours).returning(col(PlaybackId.id)))
            if gone.first() is None:
                raise NotFound("The media has no such playback id.")


def _nothing() -> NotFound:
    return NotFound("There is nothing to play at this address.")
