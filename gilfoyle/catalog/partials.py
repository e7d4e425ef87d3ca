"""Partial uploads of tus: sessions that never become a media by themselves, but a part of one that is made of several.

Each has a lease of its own, by the database's clock, as a media has for its upload (see `uploads`). Who changes one and
the order that it is part of locks the order's row first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlmodel import col

from gilfoyle.catalog.models import now
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.upload_sessions import OPEN, UploadSession, UploadStatus, lock, no_upload
from gilfoyle.errors import Conflict, Locked, TooLarge

MOST_PARTIALS = 100
"""As many partial uploads one order has, and one final upload."""

_OPEN = col(UploadSession.status).in_(OPEN) & col(UploadSession.partial)
_FREE = or_(col(UploadSession.lease).is_(None), col(UploadSession.lease) < func.now())


class Partials(Rows):
    """`catalog.partials`."""

    async def create(self, partial: UploadSession, limit: int) -> UploadSession:
        """Enter one. If it is part of an order, that has all of its time again.

        `limit`: how many bytes all of an order's may have. Raises NotFound, Gone, Conflict, TooLarge.
        """
        async with self._database.session() as session:
            if partial.part_of is not None:
                order = await lock(session, partial.part_of)
                order.require_open()
                mine = _OPEN & (col(UploadSession.part_of) == order.id)
                facts = select(func.count(), func.coalesce(func.sum(col(UploadSession.length)), 0)).where(mine)
                count, size = (int(each or 0) for each in (await session.execute(facts)).one())
                if count >= MOST_PARTIALS:
                    raise Conflict(f"An upload has at most {MOST_PARTIALS} partial ones.", code="too_many_partials")
                if size + (partial.length or 0) > limit:
                    raise TooLarge(f"The partial uploads have more than the {limit} bytes that are allowed.")
                order.expires_at = now() + timedelta(seconds=order.ttl_s)
            session.add(partial)
        return partial

    async def of(self, upload_ids: Sequence[str]) -> list[UploadSession]:
        """Those of these ids, in their order. Raises NotFound if one is not there."""
        query = select(UploadSession).where(col(UploadSession.id).in_(upload_ids))
        async with self._database.reading() as session:
            found = {upload.id: upload for upload in await session.scalars(query)}
        if missing := [each for each in upload_ids if each not in found]:
            raise no_upload(missing[0])
        return [found[each] for each in upload_ids]

    async def open_of(self, order_id: str) -> list[str]:
        """The ids of an order's partial uploads that are open."""
        query = select(col(UploadSession.id)).where(_OPEN, col(UploadSession.part_of) == order_id)
        async with self._database.reading() as session:
            return list(await session.scalars(query))

    async def lease(self, upload_id: str, seconds: float) -> datetime:
        """Take the lease for so long: -> uploading; returns its end, the proof of holding it.

        Raises NotFound, Conflict, Gone; Locked if another request has it.
        """
        until = await self._set(upload_id, seconds, _FREE, status=UploadStatus.UPLOADING)
        if until is None:
            (upload,) = await self.of([upload_id])
            upload.require_open()
            raise Locked(f"Another request brings bytes of the upload {upload_id}.")
        await self.prolong([upload_id])
        return until

    async def renew(self, upload_id: str, seconds: float, held: datetime) -> datetime:
        """Prolong the lease that ends at `held`; returns its new end. Raises Conflict if it is lost, Gone."""
        until = await self._set(upload_id, seconds, col(UploadSession.lease) == held)
        if until is None:
            (upload,) = await self.of([upload_id])
            upload.require_open()
            raise Conflict(f"The upload {upload_id} paused for too long: another request took its place.")
        return until

    async def holds(self, upload_id: str, held: datetime) -> bool:
        """Whether nobody has taken the lease that ends, or has ended, at `held`."""
        mine = (col(UploadSession.id) == upload_id) & (col(UploadSession.lease) == held)
        async with self._database.reading() as session:
            return (await session.execute(select(col(UploadSession.id)).where(mine))).first() is not None

    async def release(self, upload_id: str, held: datetime) -> None:
        """Give the lease back. Does nothing if it is lost."""
        mine = (col(UploadSession.id) == upload_id) & (col(UploadSession.lease) == held)
        async with self._database.session() as session:
            await session.execute(update(UploadSession).where(mine).values(lease=None))
        await self.prolong([upload_id])

    async def prolong(self, upload_ids: Collection[str]) -> None:
        """These have all of their time again, and the orders of which they are part."""
        part_of = select(col(UploadSession.part_of)).where(col(UploadSession.id).in_(upload_ids))
        time = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, col(UploadSession.ttl_s))
        change = update(UploadSession).where(col(UploadSession.status).in_(OPEN)).values(expires_at=time)
        async with self._database.session() as session:
            orders = {order for order in await session.scalars(part_of) if order is not None}
            for ids in (orders, upload_ids):
                await session.execute(change.where(col(UploadSession.id).in_(ids)))

    async def _set(self, upload_id: str, seconds: float, condition: Any, **changes: Any) -> datetime | None:
        change = (
            update(UploadSession)
            .where(col(UploadSession.id) == upload_id, _OPEN, condition)
            .values(lease=func.now() + timedelta(seconds=seconds), **changes)
            .returning(col(UploadSession.lease))
        )
        async with self._database.session() as session:
            return (await session.execute(change)).scalar_one_or_none()
