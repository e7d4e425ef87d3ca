"""What the catalog promises: that an upload is processed, a rendition tried again, a media deleted.

Each such row says when somebody should look whether it is done (`due_at`). That is put off whenever the pipeline tells
of the media, and taken away with the promise. So to find what was forgotten is to ask for what is due, however many
medias there are. Clocks that differ make a look earlier or later, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from gilfoyle.catalog.models import SILENT_S, Errand, Media, now
from gilfoyle.catalog.rows import Rows

LONGEST_S = 900
"""The longest time between two looks at the same media, in seconds."""


class Promises(Rows):
    """`catalog.promises`."""

    async def is_any_due(self) -> bool:
        """Whether there is anything to look at. Costs next to nothing."""
        async with self._database.reading() as session:
            return bool(await session.scalar(select(exists().where(col(Media.due_at) <= func.now()))))

    async def due(self, limit: int = 20) -> list[Media]:
        """What is due, the longest first; it is due again after as long as it has been silent by then.

        So whoever asks has what he is given for himself, and what waits in a long queue is looked at ever less often.
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

    async def due_again(self, media_ids: Sequence[UUID]) -> None:
        """They could not be looked at: they are due now, if anything is promised of them still."""
        ours = col(Media.id).in_(media_ids) & col(Media.due_at).is_not(None)
        async with self._database.session() as session:
            await session.execute(update(Media).where(ours).values(due_at=func.now()))


class Errands(Rows):
    """`catalog.errands`: work on the whole installation that was begun, such as a storage move."""

    async def begin(self, errand_id: str, workflow: str, job: dict[str, Any]) -> None:
        """From now on it is to be brought to its end, by what was asked for last."""
        changes = {"workflow": workflow, "job": job, "due_at": now() + timedelta(seconds=SILENT_S)}
        begin = (
            insert(Errand).values(id=errand_id, **changes).on_conflict_do_update(index_elements=["id"], set_=changes)
        )
        async with self._database.session() as session:
            await session.execute(begin)

    async def end(self, errand_id: str) -> None:
        """It has ended, well or not. No error if there is none."""
        async with self._database.session() as session:
            await session.execute(delete(Errand).where(col(Errand.id) == errand_id))

    async def due(self) -> list[Errand]:
        """Those to look at now; for anybody else they are due in a while."""
        due = select(col(Errand.id)).where(col(Errand.due_at) <= func.now()).with_for_update(skip_locked=True)
        chosen = due.cte("chosen")
        put_off = update(Errand).where(col(Errand.id).in_(select(chosen.c.id)))
        put_off = put_off.values(due_at=func.now() + timedelta(seconds=SILENT_S))
        async with self._database.session() as session:
            return list((await session.scalars(put_off.returning(Errand))).all())
