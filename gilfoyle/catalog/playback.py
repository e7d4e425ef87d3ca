"""Playback ids: the addresses under which a media is played."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import Media, MediaStatus, PlaybackId, Policy
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

MOST_IDS = 100
"""The most playback ids of one media."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Playback(Rows):
    """`catalog.playback`."""

    async def media(self, playback_id: str) -> Media:
        """The media that is played under an id. Raises NotFound, also if it is Deleting."""
        return (await self.find(playback_id))[0]

    async def find(self, playback_id: str) -> tuple[Media, Policy]:
        """As `media`, with the id's policy."""
        if not _ID.fullmatch(playback_id):
            raise _nothing()
        query = select(Media, col(PlaybackId.policy)).join(PlaybackId, col(PlaybackId.media_id) == col(Media.id))
        query = query.where(col(PlaybackId.id) == playback_id, col(Media.status) != MediaStatus.DELETING)
        async with self._database.reading() as session:
            found = (await session.execute(query)).one_or_none()
        if found is None:
            raise _nothing()
        return found[0], Policy(found[1])

    async def of(self, media_id: UUID) -> list[str]:
        """The media's ids, the oldest first."""
        async with self._database.reading() as session:
            return [each.id for each in (await read_playback_ids(session, [media_id]))[media_id]]

    async def add(self, media_id: UUID, policy: Policy = Policy.PUBLIC) -> str:
        """Add an id. Raises NotFound, and Conflict if the media has too many."""
        async with self._locked(media_id) as (session, _media):
            count = select(func.count()).where(col(PlaybackId.media_id) == media_id)
            if (await session.scalar(count) or 0) >= MOST_IDS:
                raise Conflict(f"The media has {MOST_IDS} playback ids already: revoke one.", code="too_many_ids")
            row = PlaybackId(media_id=media_id, policy=policy)
            session.add(row)
        return row.id

    async def revoke(self, media_id: UUID, playback_id: str) -> None:
        """Revoke an id: nothing is played under it any more. Raises NotFound."""
        async with self._locked(media_id) as (session, _media):
            ours = (col(PlaybackId.media_id) == media_id) & (col(PlaybackId.id) == playback_id)
            gone = await session.execute(delete(PlaybackId).where(ours).returning(col(PlaybackId.id)))
            if gone.first() is None:
                raise NotFound("The media has no such playback id.")


async def read_playback_ids(session: AsyncSession, media_ids: Sequence[UUID]) -> dict[UUID, list[PlaybackId]]:
    """The ids of each media, the oldest first, in one query."""
    found: dict[UUID, list[PlaybackId]] = {media_id: [] for media_id in media_ids}
    query = select(PlaybackId).where(col(PlaybackId.media_id).in_(media_ids))
    for row in await session.scalars(query.order_by(col(PlaybackId.created_at), col(PlaybackId.id))):
        found[row.media_id].append(row)
    return found


def _nothing() -> NotFound:
    return NotFound("There is nothing to play at this address.")
