"""API keys: random secrets with a scope and a project, of which the catalog keeps only the hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import Column, DateTime, ForeignKey, String, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.models import now
from gilfoyle.catalog.projects import require_project
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

MOST_KEYS = 1000
"""The most keys of one project, and as many that are bound to none."""
USED_S = 60
"""`last_used_at` is written at most this often (seconds)."""
_SHOWN_CHARS = 11


class Scope(StrEnum):
    """What a key allows; each scope includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)


class Key(SQLModel, table=True):
    """An API key. Its secret is shown once, when it is made."""

    __tablename__ = "key"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    prefix: str = Field(sa_column=Column(String(20), nullable=False))
    """The beginning of the secret, by which people recognise it."""
    hash: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    """SHA-256 of the secret, in hex."""
    name: str = Field(sa_column=Column(String(200), nullable=False))
    scope: str = Field(sa_column=Column(String(10), nullable=False))
    """Scope."""
    project: str | None = Field(
        default=None, sa_column=Column(String(40), ForeignKey("project.id", ondelete="CASCADE"), index=True)
    )
    """The project to which it is bound; None: it is good for all."""
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()


def hash_of(secret: str) -> str:
    """SHA-256, in hex. Nobody can guess 256 random bits, so they need no slow hash, which would cost each request."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Keys(Rows):
    """`catalog.keys`. `only`: the project whose keys are meant, and no others exist; None: all keys."""

    async def create(
        self, name: str, scope: Scope, project: str | None = None, expires_at: datetime | None = None
    ) -> tuple[Key, str]:
        """A new key, and its secret, which can't be had again. Raises NotFound for a project that is not there."""
        secret = f"gf_{secrets.token_urlsafe(32)}"
        key = Key(
            prefix=secret[:_SHOWN_CHARS],
            hash=hash_of(secret),
            name=name,
            scope=scope,
            project=project,
            expires_at=expires_at,
        )
        async with self._database.session() as session:
            if project is not None:
                await require_project(session, project)
            count = select(func.count()).select_from(Key).where(col(Key.project).is_not_distinct_from(project))
            if (await session.scalar(count) or 0) >= MOST_KEYS:
                raise Conflict(f"There are {MOST_KEYS} keys already: delete some.", code="too_many_keys")
            session.add(key)
        return key, secret

    async def by_secret(self, secret: str) -> Key | None:
        """The key with that secret, also if it was revoked or has expired."""
        async with self._database.reading() as session:
            return (await session.scalars(select(Key).where(col(Key.hash) == hash_of(secret)))).one_or_none()

    async def all(self, only: str | None = None) -> list[Key]:
        """The newest first."""
        query = select(Key).order_by(col(Key.created_at).desc(), col(Key.id))
        if only is not None:
            query = query.where(col(Key.project) == only)
        async with self._database.reading() as session:
            return list((await session.scalars(query)).all())

    async def get(self, key_id: UUID, only: str | None = None) -> Key:
        """Raises NotFound."""
        async with self._database.reading() as session:
            return await _find(session, key_id, only)

    async def edit(self, key_id: UUID, only: str | None, changes: dict[str, object]) -> Key:
        """Change its name or when it expires. Raises NotFound."""
        async with self._database.session() as session:
            key = await _find(session, key_id, only)
            for name, value in changes.items():
                setattr(key, name, value)
        return key

    async def revoke(self, key_id: UUID, only: str | None = None) -> Key:
        """From now on it is refused. One that was revoked stays as it is. Raises NotFound."""
        async with self._database.session() as session:
            key = await _find(session, key_id, only)
            key.revoked_at = key.revoked_at or now()
        return key

    async def delete(self, key_id: UUID, only: str | None = None) -> None:
        """Remove its row, after which it is refused like any that never was. Raises NotFound."""
        async with self._database.session() as session:
            key = await _find(session, key_id, only)
            await session.execute(delete(Key).where(col(Key.id) == key.id))

    async def used(self, key_id: UUID) -> None:
        """Note that it is in use, unless that was noted within USED_S."""
        stale = or_(col(Key.last_used_at).is_(None), col(Key.last_used_at) < now() - timedelta(seconds=USED_S))
        async with self._database.session() as session:
            await session.execute(update(Key).where(col(Key.id) == key_id, stale).values(last_used_at=now()))


async def _find(session: AsyncSession, key_id: UUID, only: str | None) -> Key:
    key = await session.get(Key, key_id)
    if key is None or (only is not None and key.project != only):
        raise NotFound(f"There is no key {key_id}.")
    return key
