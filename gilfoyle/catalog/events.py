"""Events: what has happened to medias. `outbox` writes them, `changes` finds them; here they are read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlmodel import col

from gilfoyle.catalog.outbox import Event
from gilfoyle.catalog.rows import Rows

_FORGOTTEN_AT_ONCE = 10_000


@dataclass(frozen=True)
class EventFilter:
    """Which events to find; an empty field matches all."""

    types: Collection[str] = ()
    media_id: UUID | None = None
    project: str | None = None

    def conditions(self) -> list[Any]:
        """The filter in SQL."""
        found: list[Any] = []
        if self.types:
            found.append(col(Event.type).in_(self.types))
        if self.media_id is not None:
            found.append(col(Event.media_id) == self.media_id)
        if self.project is not None:
            found.append(col(Event.project) == self.project)
        return found

    def matches(self, event: Event) -> bool:
        """The same of one that was read."""
        return (
            (not self.types or event.type in self.types)
            and self.media_id in (None, event.media_id)
            and self.project in (None, event.project)
        )


class Events(Rows):
    """`catalog.events`."""

    async def page(self, after: int, limit: int, sought: EventFilter | None = None) -> list[Event]:
        """Those after a number, in order."""
        query = select(Event).where(col(Event.id) > after, *(sought or EventFilter()).conditions())
        query = query.order_by(col(Event.id)).limit(limit)
        async with self._database.reading() as session:
            return list(await session.scalars(query))

    async def last(self) -> int:
        """The number of the newest event; 0 before the first."""
        async with self._database.reading() as session:
            return int(await session.scalar(select(func.max(col(Event.id)))) or 0)

    async def forget(self, older_than: timedelta) -> int:
        """Remove those that are older; returns how many there were."""
        old = col(Event.created_at) < func.now() - older_than
        some = delete(Event).where(col(Event.id).in_(select(col(Event.id)).where(old).limit(_FORGOTTEN_AT_ONCE)))
        total = 0
        while True:
            async with self._database.session() as session:
                gone = len((await session.scalars(some.returning(col(Event.id)))).all())
            total += gone
            if gone < _FORGOTTEN_AT_ONCE:
                return total
