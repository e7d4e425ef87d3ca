"""Work that one process does at a time, whichever it is: it holds a lease, which ends by itself if the process does."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, String, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.rows import Rows


class Lease(SQLModel, table=True):
    """Who does some work now."""

    __tablename__ = "lease"

    name: str = Field(sa_column=Column(String(50), primary_key=True))
    """The work."""
    holder: UUID
    until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class Leases(Rows):
    """`catalog.leases`. By the clock of PostgreSQL, so that those of the machines don't matter."""

    async def take(self, name: str, holder: UUID, seconds: float) -> bool:
        """Whether that holder has the lease for so long from now on: nobody else had it, or not any more."""
        until = func.clock_timestamp() + text(f"interval '{float(seconds)} seconds'")
        row = insert(Lease).values(name=name, holder=holder, until=until)
        free = (col(Lease.holder) == holder) | (col(Lease.until) < func.clock_timestamp())
        taking = row.on_conflict_do_update(
            index_elements=[col(Lease.name)],
            set_={"holder": row.excluded.holder, "until": row.excluded.until},
            where=free,
        ).returning(col(Lease.name))
        async with self._database.reading() as session:
            return (await session.execute(taking)).first() is not None

    async def give_back(self, name: str, holder: UUID) -> None:
        """Let another one have it at once. No error if that holder has it no more."""
        async with self._database.reading() as session:
            await session.execute(delete(Lease).where(col(Lease.name) == name, col(Lease.holder) == holder))
