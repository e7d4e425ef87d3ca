"""Work on the whole installation that was begun, such as a storage move: a promise that is no media's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from gilfoyle.catalog.models import SILENT_S, Errand, now
from gilfoyle.catalog.rows import Rows


class Errands(Rows):
    async def begin_errand(self, errand_id: str, workflow: str, job: dict[str, Any]) -> None:
        """From now on it is to be brought to its end, by what was asked for last."""
        changes = {"workflow": workflow, "job": job, "due_at": now() + timedelta(seconds=SILENT_S)}
        begin = (
            insert(Errand).values(id=errand_id, **changes).on_conflict_do_update(index_elements=["id"], set_=changes)
        )
        async with self._database.session() as session:
            await session.execute(begin)

    async def end_errand(self, errand_id: str) -> None:
        """It has ended, well or not. No error if there is none."""
        async with self._database.session() as session:
            await session.execute(delete(Errand).where(col(Errand.id) == errand_id))

    async def due_errands(self) -> list[Errand]:
        """Those to look at now; for anybody else they are due in a while."""
        due = select(col(Errand.id)).where(col(Errand.due_at) <= func.now()).with_for_update(skip_locked=True)
        chosen = due.cte("chosen")
        put_off = update(Errand).where(col(Errand.id).in_(select(chosen.c.id)))
        put_off = put_off.values(due_at=func.now() + timedelta(seconds=SILENT_S))
        async with self._database.session() as session:
            return list((await session.scalars(put_off.returning(Errand))).all())
