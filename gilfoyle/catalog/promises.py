"""What the catalog promises: that an upload is processed, a rendition retried, a media deleted.

Each such row says when a worker should check that the work is being done (`due_at`). Every report of the pipeline puts
the check off; once the promise is kept, and its workflow has ended, the row is due no more. So forgotten work is found
by asking for what is due, however many medias there are. If clocks differ, a check comes earlier or later, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from gilfoyle.catalog.models import SILENT_S, Errand, Media, MediaStatus, now
from gilfoyle.catalog.rows import Rows

LONGEST_S = 900
"""The longest time between two checks of the same media, in seconds."""


class Promises(Rows):
    """`catalog.promises`."""

    async def is_any_due(self) -> bool:
        """Whether there is anything to check. Costs next to nothing."""
        async with self._database.reading() as session:
            return bool(await session.scalar(select(exists().where(col(Media.due_at) <= func.now()))))

    async def expire(self, limit: int = 20) -> int:
        """Begin deleting medias whose time is up, the longest first: they are due at once. Returns how many."""
        over = (col(Media.expires_at) <= func.now()) & (col(Media.status) != MediaStatus.DELETING)
        async with self._database.reading() as session:
            if not await session.scalar(select(exists().where(over))):
                return 0
        query = select(Media).where(over).order_by(col(Media.expires_at)).limit(limit)
        async with self._database.session() as session:
            medias = list(await session.scalars(query.with_for_update(skip_locked=True)))
            for media in medias:
                media.begin_deleting()
                media.updated_at = now()
                media.promise(0)
        return len(medias)

    async def due(self, limit: int = 20) -> list[Media]:
        """The medias that are due, the longest first; each is due again after as long as it has been silent.

        So no other caller gets them meanwhile, and a media that waits in a long queue is checked ever less often.
        """
        # In a CTE: a subquery may be run more than once, and would then lock more than the limit.
        chosen = (
            select(col(Media.id))
            .where(col(Media.due_at) <= func.now())
            .order_by(col(Media.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        silent = func.now() - col(Media.updated_at)
        pause = func.least(func.greatest(silent, timedelta(seconds=SILENT_S)), timedelta(seconds=LONGEST_S))
        put_off = update(Media).where(col(Media.id).in_(select(chosen.c.id))).values(due_at=func.now() + pause)
        async with self._database.session() as session:
            return list((await session.scalars(put_off.returning(Media))).all())

    async def kept(self, media: Media) -> None:
        """Nothing is promised of the media, and nobody works for it: it is due no more, unless it has changed since."""
        same = (col(Media.id) == media.id) & (col(Media.updated_at) == media.updated_at)
        async with self._database.session() as session:
            await session.execute(update(Media).where(same).values(due_at=None))

    async def due_again(self, media_ids: Sequence[UUID]) -> None:
        """They could not be checked: they are due now, if anything is still promised."""
        ours = col(Media.id).in_(media_ids) & col(Media.due_at).is_not(None)
        async with self._database.session() as session:
            await session.execute(update(Media).where(ours).values(due_at=func.now()))


class Errands(Rows):
    """`catalog.errands`: work on the whole installation that was begun, such as a storage move."""

    async def begin(self, errand_id: str, workflow: str, job: dict[str, Any]) -> None:
        """Begin an errand, or change its input: from now on it must be finished."""
        changes = {"workflow": workflow, "job": job, "due_at": now() + timedelta(seconds=SILENT_S)}
        begin = (
            insert(Errand).values(id=errand_id, **changes).on_conflict_do_update(index_elements=["id"], set_=changes)
        )
        async with self._database.session() as session:
            await session.execute(begin)

    async def end(self, errand_id: str) -> None:
        """The errand has ended, well or not. No error if there is none."""
        async with self._database.session() as session:
            await session.execute(delete(Errand).where(col(Errand.id) == errand_id))

    async def due(self) -> list[Errand]:
        """The errands to check now; for other callers they are due in a while."""
        due = select(col(Errand.id)).where(col(Errand.due_at) <= func.now()).with_for_update(skip_locked=True)
        chosen = due.cte("chosen")
        put_off = update(Errand).where(col(Errand.id).in_(select(chosen.c.id)))
        put_off = put_off.values(due_at=func.now() + timedelta(seconds=SILENT_S))
        async with self._database.session() as session:
            return list((await session.scalars(put_off.returning(Errand))).all())
