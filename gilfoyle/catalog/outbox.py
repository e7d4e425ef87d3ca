"""The outbox: what has happened, in the order in which it was committed.

Events are written at the end of the transaction of the change itself, so one tells of what has happened, and of
nothing else, whatever becomes of the process. Their numbers have the order of their commits: whoever has read one will
never find a smaller one later (docs/decisions/0057).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import Field, SQLModel

from gilfoyle.catalog.handing_out import hand_out

CHANNEL = "gilfoyle_events"
"""What PostgreSQL notifies when there are new events."""
# Any number, the same in every process: what is committed with events is committed one after another.
_LOCK = 0x61_1F_0F_E5
# A process that is stopped between its events and its commit would keep all others waiting.
_PATIENCE_MS = 5000
_NOTED = "events"
_WRITTEN = ("project", "media_id", "type", "data")


class EventType(StrEnum):
    """What may happen."""

    MEDIA_CREATED = "media.created"
    MEDIA_UPLOADED = "media.uploaded"
    MEDIA_PLAYABLE = "media.playable"
    MEDIA_PROGRESS = "media.progress"
    MEDIA_READY = "media.ready"
    MEDIA_ERRORED = "media.errored"
    MEDIA_RETRIED = "media.retried"
    MEDIA_UPDATED = "media.updated"
    MEDIA_REPLACED = "media.replaced"
    MEDIA_DELETED = "media.deleted"
    REPLACEMENT_CREATED = "replacement.created"
    REPLACEMENT_PROGRESS = "replacement.progress"
    REPLACEMENT_ERRORED = "replacement.errored"
    REPLACEMENT_DELETED = "replacement.deleted"
    TRACK_CREATED = "track.created"
    TRACK_READY = "track.ready"
    TRACK_UPDATED = "track.updated"
    TRACK_DELETED = "track.deleted"
    RENDITION_READY = "rendition.ready"
    RENDITION_ERRORED = "rendition.errored"
    UPLOAD_CREATED = "upload.created"
    UPLOAD_ASSET_CREATED = "upload.asset_created"
    UPLOAD_TIMED_OUT = "upload.timed_out"
    UPLOAD_CANCELLED = "upload.cancelled"
    UPLOAD_ERRORED = "upload.errored"
    IMPORT_CREATED = "import.created"
    IMPORT_PROGRESS = "import.progress"
    IMPORT_ERRORED = "import.errored"
    IMPORT_DELETED = "import.deleted"


class Event(SQLModel, table=True):
    """Something that has happened. It outlives its media."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_of_media", "media_id", "id"),
        Index("event_of_project", "project", "id"),
        Index("event_created", "created_at"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    project: str = Field(sa_column=Column(String(40), nullable=False))
    media_id: UUID | None = None
    type: str = Field(sa_column=Column(String(50), nullable=False))
    """EventType."""
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


@dataclass(frozen=True)
class Happening:
    """An event that has no number yet."""

    type: EventType
    project: str
    media_id: UUID | None
    data: dict[str, Any]
    figures: dict[str, float | None] = field(default_factory=dict)
    """For the log only: `elapsed_s` since the encoding began, `duration_s` of the media."""


def add(session: AsyncSession | Session, *happenings: Happening) -> None:
    """Have them written when the session's transaction is committed; if it is not, nothing has happened."""
    session.info.setdefault(_NOTED, []).extend(happenings)


# The lock is taken before the first number is (the CTE is read first), and held until the commit has ended.
_WRITE = text(
    """
    WITH turn AS MATERIALIZED (
        SELECT
            pg_advisory_xact_lock(:lock),
            set_config('idle_in_transaction_session_timeout', :patience, true),
            pg_notify(:channel, '')
    )
    INSERT INTO event (project, media_id, type, data, created_at)
    SELECT new.project, new.media_id, new.type, new.data, clock_timestamp()
    FROM turn, ROWS FROM (
        jsonb_to_recordset(CAST(:events AS jsonb)) AS (project text, media_id uuid, type text, data jsonb)
    ) WITH ORDINALITY AS new (project, media_id, type, data, position)
    ORDER BY new.position
    RETURNING id
    """
)


def write(session: Session) -> list[Happening]:
    """Write what was added to the session, and hand it out to webhooks: the last that its transaction does."""
    noted: list[Happening] = session.info.pop(_NOTED, [])
    if noted:
        events = to_json([{name: getattr(each, name) for name in _WRITTEN} for each in noted]).decode()
        how = {"lock": _LOCK, "patience": str(_PATIENCE_MS), "channel": CHANNEL}
        hand_out(session, session.scalars(_WRITE, {**how, "events": events}).all())
    return noted
