"""Requests that are done once, however often they are sent: by the keys that clients gave them, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, Index, LargeBinary, String, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.models import now
from gilfoyle.catalog.rows import Rows

KEPT = timedelta(hours=24)
"""How long a key stands for its request."""
CLAIMED = timedelta(seconds=60)
"""A request that has no answer after this long was lost with its process."""
_REMOVED_AT_ONCE = 20


class Once(SQLModel, table=True):
    """A request that has a key."""

    __tablename__ = "once"
    __table_args__ = (Index("once_created", "created_at"),)

    project: str = Field(sa_column=Column(String(40), primary_key=True))
    """The project to which its caller is bound; `*`: to none."""
    key: str = Field(sa_column=Column(String(255), primary_key=True))
    fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    """SHA-256 of the request, in hex."""
    status: int | None = None
    """Of its answer; None: there is none yet."""
    headers: list[list[str]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """None: it holds a secret, which is shown once."""
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


@dataclass(frozen=True)
class Stored:
    """An answer."""

    status: int
    headers: list[list[str]]
    body: bytes | None


class Idempotency(Rows):
    """`catalog.idempotency`."""

    async def claim(self, project: str, key: str, fingerprint: str) -> Once | None:
        """None: the key is the caller's, who answers the request. Else what is known of the one before."""
        over = col(Once.created_at) < func.now() - KEPT
        lost = and_(col(Once.status).is_(None), col(Once.created_at) < func.now() - CLAIMED)
        begun = {"fingerprint": fingerprint, "status": None, "headers": None, "body": None, "created_at": func.now()}
        claim = insert(Once).values(project=project, key=key, **begun)
        claim = claim.on_conflict_do_update(index_elements=["project", "key"], set_=begun, where=or_(over, lost))
        old = select(col(Once.project), col(Once.key)).where(over).limit(_REMOVED_AT_ONCE)
        async with self._database.session() as session:
            await session.execute(delete(Once).where(tuple_(col(Once.project), col(Once.key)).in_(old)))
            if (await session.execute(claim.returning(col(Once.key)))).first() is not None:
                return None
            return await session.get(Once, (project, key))

    async def keep(self, project: str, key: str, answer: Stored) -> None:
        """The answer to a request that was claimed."""
        values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
        async with self._database.session() as session:
            await session.execute(update(Once).where(*_mine(project, key)).values(**values))

    async def release(self, project: str, key: str) -> None:
        """The request was not done: the key may be used again."""
        async with self._database.session() as session:
            await session.execute(delete(Once).where(*_mine(project, key), col(Once.status).is_(None)))


def _mine(project: str, key: str) -> tuple[Any, Any]:
    return col(Once.project) == project, col(Once.key) == key
