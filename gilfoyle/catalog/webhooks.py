"""Webhooks: URLs to which events are sent."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, String, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.models import SILENT_S, now
from gilfoyle.catalog.projects import require_project
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

MOST_WEBHOOKS = 100
"""The most webhooks of one project."""
OVERLAP = timedelta(hours=24)
"""For so long after a rotation what is sent is signed with the secret before, too."""


# By its name: the table's module imports this one.
_SOME_DELIVERIES = text(
    "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE webhook_id = :webhook LIMIT :limit) RETURNING id"
)
_AT_ONCE = 10_000


def _time(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class Webhook(SQLModel, table=True):
    """A receiver of events."""

    __tablename__ = "webhook"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    project: str = Field(
        sa_column=Column(String(40), ForeignKey("project.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    url: str = Field(sa_column=Column(String(2048), nullable=False))
    types: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String(50)), nullable=False, server_default="{}")
    )
    """Only events of these types, or `media.*`; empty: all."""
    description: str = Field(default="", sa_column=Column(String(500), nullable=False))
    enabled: bool = True
    """Events that occur while it is not are never sent; what waits by then waits on."""
    disabled_reason: str | None = Field(default=None, sa_column=Column(String(200)))
    """Why it was disabled, if not by people."""
    secret: str = Field(repr=False, sa_column=Column(String(100), nullable=False))
    """As Standard Webhooks has it: `whsec_`, then base64. It must be known to sign, so it can't be hashed."""
    old_secret: str | None = Field(default=None, repr=False, sa_column=Column(String(100)))
    old_secret_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    due_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When to send what waits, or to check that it is being sent; None: nothing waits."""
    held_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """Until when its receiver wants nothing, as it has said."""
    created_at: datetime = Field(default_factory=now, sa_column=_time())
    updated_at: datetime = Field(default_factory=now, sa_column=_time())

    @property
    def is_held(self) -> bool:
        """Whether its receiver wants nothing for now."""
        return self.held_until is not None and self.held_until > now()

    @property
    def secrets(self) -> list[str]:
        """The secrets to sign with now, the newest first."""
        overlaps = self.old_secret and self.old_secret_until and self.old_secret_until > now()
        return [self.secret, self.old_secret] if overlaps and self.old_secret else [self.secret]


class WebhookChanges(TypedDict, total=False):
    """What people may change."""

    url: str
    types: list[str]
    description: str
    enabled: bool


class Webhooks(Rows):
    """`catalog.webhooks`. `only`: the project whose webhooks are meant, and no others exist; None: all."""

    async def create(self, project: str, **given: Unpack[WebhookChanges]) -> Webhook:
        """Raises NotFound if there is no such project, Conflict if it has too many."""
        webhook = Webhook(project=project, secret=new_secret(), **given)
        async with self._database.session() as session:
            await require_project(session, project)
            count = select(func.count()).select_from(Webhook).where(col(Webhook.project) == project)
            if (await session.scalar(count) or 0) >= MOST_WEBHOOKS:
                raise Conflict(
                    f"The project {project} has {MOST_WEBHOOKS} webhooks: delete one.", code="too_many_webhooks"
                )
            session.add(webhook)
        return webhook

    async def get(self, webhook_id: UUID, only: str | None = None) -> Webhook:
        """Raises NotFound."""
        async with self._database.reading() as session:
            return await _find(session, webhook_id, only)

    async def all(self, only: str | None = None) -> Sequence[Webhook]:
        """The oldest first."""
        query = select(Webhook).order_by(col(Webhook.created_at), col(Webhook.id))
        if only is not None:
            query = query.where(col(Webhook.project) == only)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def edit(self, webhook_id: UUID, only: str | None = None, **changes: Unpack[WebhookChanges]) -> Webhook:
        """Change what is given; what waits is tried at once. Raises NotFound."""
        async with self._database.session() as session:
            webhook = await _find(session, webhook_id, only, lock=True)
            for name, value in changes.items():
                setattr(webhook, name, value)
            if webhook.enabled:
                webhook.disabled_reason = None
            webhook.due_at = webhook.updated_at = now()
            webhook.held_until = None
        return webhook

    async def rotate(self, webhook_id: UUID, only: str | None = None) -> Webhook:
        """Give it a new secret; the one before stays good for a while, none before that. Raises NotFound."""
        async with self._database.session() as session:
            webhook = await _find(session, webhook_id, only, lock=True)
            webhook.old_secret, webhook.old_secret_until = webhook.secret, now() + OVERLAP
            webhook.secret, webhook.updated_at = new_secret(), now()
        return webhook

    async def delete(self, webhook_id: UUID, only: str | None = None) -> None:
        """With all that waits for it. Raises NotFound.

        Its log may be long, and whoever writes an event would wait for a row that is being deleted: so it is disabled
        first, and the log goes piece by piece.
        """
        await self.edit(webhook_id, only, enabled=False)
        while await self._delete_some(webhook_id):
            pass
        async with self._database.session() as session:
            await session.execute(delete(Webhook).where(col(Webhook.id) == webhook_id))

    async def _delete_some(self, webhook_id: UUID) -> bool:
        async with self._database.session() as session:
            gone = await session.execute(_SOME_DELIVERIES, {"webhook": webhook_id, "limit": _AT_ONCE})
            return len(gone.all()) == _AT_ONCE

    async def disable(self, webhook_id: UUID, url: str, reason: str) -> None:
        """Send nothing more there, unless it has another URL by now."""
        ours = (col(Webhook.id) == webhook_id) & (col(Webhook.url) == url)
        change = {"enabled": False, "disabled_reason": reason[:200], "updated_at": func.now()}
        async with self._database.session() as session:
            await session.execute(update(Webhook).where(ours).values(**change))

    async def hold(self, webhook_id: UUID, url: str, seconds: float) -> None:
        """Send nothing there for so long, unless it has another URL by now."""
        ours = (col(Webhook.id) == webhook_id) & (col(Webhook.url) == url)
        until = func.now() + timedelta(seconds=seconds)
        async with self._database.session() as session:
            await session.execute(update(Webhook).where(ours).values(held_until=until))

    async def due(self, limit: int = 20) -> Sequence[UUID]:
        """Those for which something waits; for other callers they are due in a while, if it is not sent by then."""
        free = col(Webhook.held_until).is_(None) | (col(Webhook.held_until) <= func.now())
        waits = col(Webhook.enabled) & (col(Webhook.due_at) <= func.now()) & free
        async with self._database.reading() as session:
            if await session.scalar(select(col(Webhook.id)).where(waits).limit(1)) is None:
                return []
        chosen = select(col(Webhook.id)).where(waits).limit(limit).with_for_update(skip_locked=True).cte("chosen")
        put_off = update(Webhook).where(col(Webhook.id).in_(select(chosen.c.id)))
        put_off = put_off.values(due_at=func.now() + timedelta(seconds=SILENT_S))
        async with self._database.session() as session:
            return (await session.scalars(put_off.returning(col(Webhook.id)))).all()

    async def due_again(self, webhook_ids: Sequence[UUID]) -> None:
        """Nobody could be told: they are due now."""
        ours = col(Webhook.id).in_(webhook_ids) & col(Webhook.due_at).is_not(None)
        async with self._database.session() as session:
            await session.execute(update(Webhook).where(ours).values(due_at=func.now()))


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


async def _find(session: AsyncSession, webhook_id: UUID, only: str | None, *, lock: bool = False) -> Webhook:
    query = select(Webhook).where(col(Webhook.id) == webhook_id)
    found = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if found is None or only not in (None, found.project):
        raise NotFound(f"There is no webhook {webhook_id}.")
    return found
