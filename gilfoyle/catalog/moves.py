"""Medias that move from one storage to another: which there are, and the moment at which one changes over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import ALL_PUBLISHED, NO_RETRY, NO_UPLOAD, Media, MediaStatus
from gilfoyle.catalog.rows import Rows


@dataclass(frozen=True)
class Elsewhere:
    """How many medias do not lie in the target yet; those that are Deleting don't count."""

    left: int
    """All of them."""
    waiting: int
    """Those among them that can't move now: they are being uploaded or processed, or a rendition is retried."""


class Moves(Rows):
    """`catalog.moves`: what a move of the storage asks, and when a media changes its place."""

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
        """From now on the media lies in `target`; False, and nothing changes, if it is not as `moved` was read.

        That is: it is Deleting or gone, somebody writes to it, it is in another storage, serves another encoding, or a
        rendition was tried again.
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
        """Whether there is such a media and nobody writes to it now."""
        async with self._database.session() as session:
            return await _rests(session, media_id)


def _state(media: Media) -> tuple[str, str, int, int, int]:
    """What changes with its objects."""
    return media.storage, media.status, media.encoding, media.retries, media.changes


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
    """Nobody writes to it: it is Ready, with no rendition retried and nothing to publish; or no upload has begun."""
    return or_(
        and_(col(Media.status) == MediaStatus.READY, NO_RETRY, ALL_PUBLISHED),
        and_(col(Media.status).in_((MediaStatus.ERRORED, MediaStatus.AWAITING_UPLOAD)), NO_UPLOAD),
    )
