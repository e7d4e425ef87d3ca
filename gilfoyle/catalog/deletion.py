"""Taking a media away: first from sight, then for good."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, func, select
from sqlmodel import col

from gilfoyle.catalog.models import SOON_S, Media, MediaStatus
from gilfoyle.catalog.rows import Rows


class Deletion(Rows):
    async def mark_deleting(self, media_id: UUID) -> None:
        """Any state -> Deleting: the media is gone for everyone but the workflow that removes it.

        Raises NotFound if there is no such media, or it is Deleting already.
        """
        async with self._locked(media_id) as (_session, media):
            media.status = MediaStatus.DELETING
            media.playable = False
            media.upload_lease = None
            media.promise(SOON_S)

    async def shares_cid(self, cid: str, media_id: UUID, encoding: int | None = None) -> bool:
        """Whether another media has this CID as well; of this one, whether it serves it as another encoding.

        One that is Deleting doesn't count. `encoding`: the one of the media that goes; None: all of it.
        """
        other = col(Media.id) != media_id
        if encoding is not None:
            other |= col(Media.encoding) != encoding
        others = (col(Media.cid) == cid) & other & (col(Media.status) != MediaStatus.DELETING)
        async with self._database.session() as session:
            return (await session.scalar(select(func.count()).select_from(Media).where(others))) != 0

    async def remove(self, media_id: UUID) -> None:
        """Delete the rows of a media and its renditions, if there are any."""
        async with self._database.session() as session:
            await session.execute(delete(Media).where(col(Media.id) == media_id))
