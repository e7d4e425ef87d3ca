"""Medias that move from one storage to another: which can move, and the switch of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import ALL_PUBLISHED, NO_REPLACEMENT, NO_RETRY, NO_UPLOAD, Media, MediaStatus
from gilfoyle.catalog.rows import Rows


@dataclass(frozen=True)
class Elsewhere:
    """How many medias are not in the target yet; those that are Deleting don't count."""

    left: int
    """All medias outside the target."""
    waiting: int
    """Those that can't move now: they are being uploaded, processed, replaced or retried."""


class Moves(Rows):
    """`catalog.moves`: the queries of a storage move, and the switch of a media."""

    async def movable(
        self, target: str, source: str = "", after: UUID | None = None, without: Collection[UUID] = (), limit: int = 20
    ) -> list[Media]:
        """Medias outside `target` that nobody writes to, in the order of their ids, from the one after `after` on.

        `source`: only those in that storage; empty: in any. `without`: those to leave out.
        """
        conditions = [*_elsewhere(target, source, without), _at_rest()]
        if after is not None:
            conditions.append(col(Media.id) > after)
        query = select(Media).where(*conditions).order_by(col(Media.id)).limit(limit)
        async with self._database.session() as session:
            return list((await session.scalars(query)).all())

    async def elsewhere(self, target: str, source: str = "", without: Collection[UUID] = ()) -> Elsewhere:
        """Count the medias outside `target`; arguments as in `movable`."""
        counts = select(func.count(), func.count().filter(_at_rest())).where(*_elsewhere(target, source, without))
        async with self._database.session() as session:
            left, movable = (await session.execute(counts)).one()
        return Elsewhere(left, left - movable)

    async def switch(self, moved: Media, target: str, cid: str | None = None) -> bool:
        """Switch the media to `target`; False, and nothing changes, if the media has changed since `moved` was read.

        That is: it is Deleting or gone, someone writes to it, it is in another storage, it serves another encoding, a
        rendition was retried, its tracks or attachments were changed, or its source was deleted.
        `cid`: of the folder of that encoding, if `target` is IPFS.
        """
        async with self._locked_if_any(moved.id) as (session, media):
            if media is None:
                return False
            if _state(media) != _state(moved) or not await _rests(session, moved.id):
                return False
            media.storage, media.cid = target, cid
        return True

    async def at_rest(self, media_id: UUID) -> bool:
        """Whether the media exists and no one writes to it now."""
        async with self._database.session() as session:
            return await _rests(session, media_id)


def _state(media: Media) -> tuple[object, ...]:
    """The values that change whenever its objects do."""
    counts = media.encoding, media.retries, media.changes, media.attached
    return media.storage, media.status, media.source_deleted_at, *counts


async def _rests(session: AsyncSession, media_id: UUID) -> bool:
    return (await session.scalar(select(func.count()).where(col(Media.id) == media_id, _at_rest()))) != 0


def _elsewhere(target: str, source: str, without: Collection[UUID]) -> list[Any]:
    conditions: list[Any] = [col(Media.storage) != target, col(Media.status) != MediaStatus.DELETING]
    if source:
        conditions.append(col(Media.storage) == source)
    if without:
        conditions.append(col(Media.id).not_in(without))
    return conditions


def _at_rest() -> Any:
    """No one writes to it: it is Ready, without a retry, a replacement, an upload or unpublished changes."""
    return or_(
        and_(col(Media.status) == MediaStatus.READY, NO_UPLOAD, NO_RETRY, NO_REPLACEMENT, ALL_PUBLISHED),
        and_(col(Media.status).in_((MediaStatus.ERRORED, MediaStatus.AWAITING_UPLOAD)), NO_UPLOAD),
    )
