"""The rows of the catalog: medias, their renditions, by what those are made, and work on all of them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, String, exists, func, not_, or_, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col


class MediaStatus(StrEnum):
    """Where a media is in its life. `Deleting` is never shown: the API treats such a media as gone."""

    AWAITING_UPLOAD = "AwaitingUpload"
    PROCESSING = "Processing"
    READY = "Ready"
    ERRORED = "Errored"
    DELETING = "Deleting"


class RenditionStatus(StrEnum):
    """Where a rendition is in its life."""

    WAITING = "Waiting"
    ENCODING = "Encoding"
    READY = "Ready"
    ERRORED = "Errored"


class MediaKind(StrEnum):
    """What is made of an upload: its picture and its sound, or its sound alone."""

    VIDEO = "video"
    AUDIO = "audio"


SOON_S = 5
"""Whoever promises something begins it himself, within so long (seconds), if he can."""
SILENT_S = 60
"""What the pipeline tells nothing of for so long (seconds) is looked at."""


def now() -> datetime:
    """The current time, in UTC, with its zone."""
    return datetime.now(UTC)


def _time(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class Media(SQLModel, table=True):
    """One upload and what became of it."""

    __tablename__ = "media"
    __table_args__ = (
        Index("media_newest", "created_at", "id"),
        Index("media_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    title: str = Field(sa_column=Column(String(500), nullable=False))
    description: str = Field(default="", sa_column=Column(String(5000), nullable=False))
    kind: str | None = Field(default=None, sa_column=Column(String(10)))
    """MediaKind, from the upload's path; what is sent as a video and has no picture is sound. None until then."""
    status: str = Field(default=MediaStatus.AWAITING_UPLOAD, sa_column=Column(String(20), nullable=False, index=True))
    playable: bool = False
    """The master playlist can be played, though it may still grow."""
    encoding: int = 1
    """The number of the encoding that is served: the `1` in `{media_id}/1/master.m3u8`."""
    progress: float = 0
    """0 to 1: the share of all renditions' segments that are stored."""
    upload: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """Which of its uploads its source is: one that is Errored may be uploaded again, and each has a key of its own."""
    file_name: str | None = Field(default=None, sa_column=Column(String(255)))
    source_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    source_sha256: str | None = Field(default=None, sa_column=Column(String(64)))
    duration_s: float | None = None
    """Length of what is streamed, in seconds."""
    probe: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """`gilfoyle.media.info.MediaInfo`, as JSON."""
    error_code: str | None = Field(default=None, sa_column=Column(String(50)))
    error_message: str | None = Field(default=None, sa_column=Column(String(4000)))
    storage: str = Field(
        default="filesystem", sa_column=Column(String(20), nullable=False, server_default="filesystem")
    )
    """The backend in which its objects lie, or will once there are any."""
    cid: str | None = Field(default=None, sa_column=Column(String(100)))
    """Of the folder of the encoding that is served, where that is IPFS."""
    retries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often a rendition was tried again once it was Ready: its objects are not what they were before."""
    changes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often its tracks were changed by people."""
    published: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many of those changes its playlists have."""
    upload_lease: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """Until when an upload in progress keeps others out; renewed as bytes arrive, so a dead one lets go."""
    due_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When to look whether somebody does what is promised of it (catalog/promises.py); None: nothing is promised."""
    created_at: datetime = Field(default_factory=now, sa_column=_time())
    updated_at: datetime = Field(default_factory=now, sa_column=_time())

    def promise(self, look_in_s: float) -> None:
        """Something is to be done for it: have somebody look in so many seconds whether it is."""
        self.due_at = now() + timedelta(seconds=look_in_s)

    @property
    def is_unpublished(self) -> bool:
        """Its playlists are to be written again, since its tracks were changed."""
        return self.status == MediaStatus.READY and self.changes != self.published

    @property
    def next_upload(self) -> int:
        """The number of an upload that is accepted now."""
        return self.upload + (self.status == MediaStatus.ERRORED)

    def begin_encoding(self) -> None:
        """Errored, or given up by whoever worked for it -> Processing, as a new encoding that nothing is known of."""
        self.status, self.encoding = MediaStatus.PROCESSING, self.encoding + 1
        self.playable, self.progress, self.cid = False, 0, None
        self.probe = self.duration_s = self.error_code = self.error_message = None
        self.promise(SOON_S)


ALL_PUBLISHED = col(Media.changes) == col(Media.published)
"""In SQL: the playlists have all changes of the tracks."""

NO_UPLOAD = or_(col(Media.upload_lease).is_(None), col(Media.upload_lease) < func.now())
"""In SQL: no upload's lease is alive. The database's clock counts, not those of the servers."""


class PlaybackId(SQLModel, table=True):
    """An address under which a media is played; whoever knows it may. It can be taken back without the media."""

    __tablename__ = "playback"

    id: str = Field(default_factory=lambda: secrets.token_urlsafe(16), sa_column=Column(String(40), primary_key=True))
    media_id: UUID = Field(sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), nullable=False, index=True))
    created_at: datetime = Field(default_factory=now, sa_column=_time())


class Rendition(SQLModel, table=True):
    """One encoded form of a media: `720p`, or `audio-128k`."""

    __tablename__ = "rendition"

    media_id: UUID = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    encoding: int = Field(primary_key=True)
    name: str = Field(sa_column=Column(String(40), primary_key=True))
    kind: str = Field(sa_column=Column(String(10), nullable=False))
    """MediaKind."""
    position: int = 0
    """Its place in the ladder, the best first."""
    track: str | None = Field(default=None, sa_column=Column(String(40)))
    """The name of the track that it is a form of; None, of one from before there were tracks."""
    status: str = Field(default=RenditionStatus.WAITING, sa_column=Column(String(20), nullable=False))
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    """Frames per second."""
    channels: int | None = None
    codecs: str | None = Field(default=None, sa_column=Column(String(80)))
    """RFC 6381, read from the init segment: `avc1.64001f`."""
    segments: int = 0
    """How many media segments it has when it is whole."""
    stored_segments: int = 0
    """How many of them, from the first on without a gap, are stored."""
    stored_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    bandwidth: int | None = None
    """Peak segment bit rate, in bit/s, as measured."""
    average_bandwidth: int | None = None
    """Average bit rate, in bit/s, as measured."""
    error_code: str | None = Field(default=None, sa_column=Column(String(50)))
    error_message: str | None = Field(default=None, sa_column=Column(String(4000)))


class TrackRow(SQLModel, table=True):
    """A `gilfoyle.media.tracks.Track` of a media."""

    __tablename__ = "track"

    media_id: UUID = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    encoding: int = Field(primary_key=True)
    """The encoding whose source it is of; 0: it has an object of its own, and belongs to all of them."""
    name: str = Field(sa_column=Column(String(40), primary_key=True))
    position: int = 0
    """Its place among the others."""
    kind: str = Field(sa_column=Column(String(10), nullable=False))
    language: str | None = Field(default=None, sa_column=Column(String(40)))
    label: str | None = Field(default=None, sa_column=Column(String(200)))
    role: str = Field(sa_column=Column(String(20), nullable=False))
    chosen: bool = False
    """It is its kind's default."""
    stream: int | None = None
    removed: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """It was taken out. A text's row stays until its objects are gone, a sound's as long as the encoding."""


class Recipe(SQLModel, table=True):
    """By what an encoding is made: enough to make any part of it once more, the same, in a later release."""

    __tablename__ = "recipe"

    media_id: UUID = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    encoding: int = Field(primary_key=True)
    plan: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """`gilfoyle.media.plan.Plan`, as JSON."""
    policy: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """`gilfoyle.media.policy.EncodingPolicy`, as JSON: the operator's settings when the upload was accepted."""


class Errand(SQLModel, table=True):
    """Work on the whole installation that was begun, and is to be brought to its end: a storage move."""

    __tablename__ = "errand"

    id: str = Field(sa_column=Column(String(200), primary_key=True))
    """The id of its workflow."""
    workflow: str = Field(sa_column=Column(String(50), nullable=False))
    """The name of it."""
    job: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """What it is started with, as JSON."""
    due_at: datetime = Field(sa_column=_time())
    """When to look whether it runs."""


FINAL = (RenditionStatus.READY, RenditionStatus.ERRORED)
"""Nobody works on a rendition in these."""

NO_RETRY = not_(
    exists().where(
        col(Rendition.media_id) == col(Media.id),
        col(Rendition.encoding) == col(Media.encoding),
        col(Rendition.status).not_in(FINAL),
    )
)
"""In SQL, of a media that is Ready: no rendition of what it serves is encoded once more."""
