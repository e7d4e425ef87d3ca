"""Signing keys: what playback tokens are checked with."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, DateTime, ForeignKey, String, Text, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.models import now
from gilfoyle.catalog.projects import require_project
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

MOST_SIGNING_KEYS = 100
"""The most signing keys of one project."""


class Algorithm(StrEnum):
    """How a token is signed (RFC 7518 and 8037)."""

    HS256 = "HS256"
    RS256 = "RS256"
    EDDSA = "EdDSA"


class SigningKey(SQLModel, table=True):
    """A key of a project. Tokens name it by `kid`."""

    __tablename__ = "signing_key"

    id: str = Field(default_factory=lambda: secrets.token_urlsafe(12), sa_column=Column(String(40), primary_key=True))
    project: str = Field(
        sa_column=Column(String(40), ForeignKey("project.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    name: str = Field(sa_column=Column(String(200), nullable=False))
    algorithm: str = Field(sa_column=Column(String(10), nullable=False))
    """Algorithm: the only one that its tokens may have."""
    secret: str | None = Field(default=None, sa_column=Column(Text))
    """Of HS256, which checks with what it signs with. It can't be a hash."""
    public_key: str | None = Field(default=None, sa_column=Column(Text))
    """Of the others, as PEM."""
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class SigningKeys(Rows):
    """`catalog.signing_keys`. `only`: the project whose keys are meant, and no others exist; None: all keys."""

    async def create(self, key: SigningKey) -> SigningKey:
        """Raises NotFound for a project that is not there, and Conflict."""
        async with self._database.session() as session:
            await require_project(session, key.project)
            count = select(func.count()).select_from(SigningKey).where(col(SigningKey.project) == key.project)
            if (await session.scalar(count) or 0) >= MOST_SIGNING_KEYS:
                raise Conflict(
                    f"The project has {MOST_SIGNING_KEYS} signing keys already: delete some.", code="too_many_keys"
                )
            session.add(key)
        return key

    async def all(self, only: str | None = None) -> list[SigningKey]:
        """The newest first."""
        query = select(SigningKey).order_by(col(SigningKey.created_at).desc(), col(SigningKey.id))
        if only is not None:
            query = query.where(col(SigningKey.project) == only)
        async with self._database.reading() as session:
            return list((await session.scalars(query)).all())

    async def get(self, key_id: str, only: str | None = None) -> SigningKey:
        """Raises NotFound."""
        async with self._database.reading() as session:
            return await _find(session, key_id, only)

    async def revoke(self, key_id: str, only: str | None = None) -> SigningKey:
        """From now on its tokens are refused. One that was revoked stays as it is. Raises NotFound."""
        async with self._database.session() as session:
            key = await _find(session, key_id, only)
            key.revoked_at = key.revoked_at or now()
        return key

    async def delete(self, key_id: str, only: str | None = None) -> None:
        """Remove its row: its tokens are refused like those of a key that never was. Raises NotFound."""
        async with self._database.session() as session:
            key = await _find(session, key_id, only)
            await session.execute(delete(SigningKey).where(col(SigningKey.id) == key.id))


async def _find(session: AsyncSession, key_id: str, only: str | None) -> SigningKey:
    key = await session.get(SigningKey, key_id)
    if key is None or (only is not None and key.project != only):
        raise NotFound(f"There is no signing key {key_id[:100]}.")
    return key
