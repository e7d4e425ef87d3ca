"""The rows of the catalog: medias, their renditions, the inputs that produce them, and errands."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    String,
    and_,
    exists,
    func,
    not_,
    or_,
    text,
)
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
    """What a media is: video, with or without audio, or audio only."""

    VIDEO = "video"
    AUDIO = "audio"


DEFAULT_PROJECT = "default"
"""What belongs to no other project belongs to this one."""
SOON_S = 5
"""Whoever makes a promise starts the work within this time (seconds), if possible."""
SILENT_S = 60
"""A media that the pipeline is silent about for this long (seconds) is checked."""


EXTERNAL_ID_INDEX = "media_external_id"


def now() -> datetime:
    """The current time, in UTC, with its zone."""
    return datetime.now(UTC)


def _time(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class Media(SQLModel, table=True):
    """One upload and what was made of it."""

    __tablename__ = "media"
    __table_args__ = (
        Index("media_newest", "created_at", "id"),
        Index("media_project_newest", "project", "created_at", "id"),
        Index("media_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("media_changed", "updated_at", "id"),
        Index("media_title", text("gilfoyle_folded(title)"), "id"),
        Index("media_sha256", "source_sha256"),
        Index("media_expires", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        # A media that is Deleting is gone for clients: its id is free again.
        Index(
            EXTERNAL_ID_INDEX,
            "project",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL AND status <> 'Deleting'"),
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    project: str = Field(
        default=DEFAULT_PROJECT,
        sa_column=Column(String(40), ForeignKey("project.id"), nullable=False, server_default=DEFAULT_PROJECT),
    )
    """The `Project` to which it belongs."""
    title: str = Field(sa_column=Column(String(500), nullable=False))
    description: str = Field(default="", sa_column=Column(String(5000), nullable=False))
    external_id: str | None = Field(default=None, sa_column=Column(String(255)))
    """What the client calls it: no two medias of a project have the same."""
    client_metadata: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column("metadata", JSONB, nullable=False, server_default="{}")
    )
    """An object of the client's own (catalog/merge.py)."""
    tags: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String(100)), nullable=False, server_default="{}")
    )
    expires_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When it is deleted; None: never by itself."""
    options: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """`gilfoyle.media.options.EncodingOptions`, as JSON: how encodings of it that begin are to be."""
    kind: str | None = Field(default=None, sa_column=Column(String(10)))
    """MediaKind: as found in the file; before that, as requested, if it was."""
    audio_only: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Only its audio was asked for, whatever else is in the file."""
    status: str = Field(default=MediaStatus.AWAITING_UPLOAD, sa_column=Column(String(20), nullable=False, index=True))
    playable: bool = False
    """The master playlist can be played, though it may still grow."""
    encoding: int = 1
    """The number of the encoding that is served: the `1` in `{media_id}/1/master.m3u8`."""
    encodings: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """How many encodings there have been, a replacement included: no number is given twice."""
    progress: float = 0
    """0 to 1: the share of all renditions' segments that are stored."""
    upload: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """The number of the upload that is its source: each upload has a key of its own."""
    uploads: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many uploads were accepted."""
    file_name: str | None = Field(default=None, sa_column=Column(String(255)))
    source_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    source_sha256: str | None = Field(default=None, sa_column=Column(String(64)))
    """None also of a source whose checksum is still to be taken."""
    source_deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When its source was deleted, while its stream stayed: nothing can be encoded of it any more."""
    begun_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When the encoding began that is made or served: its upload was accepted, or it was asked for."""
    link_secret: str | None = Field(default=None, sa_column=Column(String(64)))
    """What links to its source are signed with."""
    duration_limit_s: float | None = None
    """How long the source may be, if it is less than the settings allow (seconds)."""
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
    """The CID of the served encoding's folder, in IPFS."""
    retries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many retries there were once it was Ready: each changes its objects."""
    changes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many times people changed its tracks."""
    published: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many of those changes its playlists contain."""
    attached: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often its attachments were changed."""
    upload_lease: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """Until when an upload in progress keeps others out; renewed as bytes arrive, so a dead upload lets go."""
    due_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When to check that what is promised is being done (catalog/promises.py); None: nothing is promised."""
    created_at: datetime = Field(default_factory=now, sa_column=_time())
    updated_at: datetime = Field(default_factory=now, sa_column=_time())

    def begin_deleting(self) -> None:
        """Any state -> Deleting: gone for everyone but the workflow that removes it, which is promised."""
        self.status, self.playable, self.upload_lease = MediaStatus.DELETING, False, None
        self.promise(SOON_S)

    def promise(self, look_in_s: float) -> None:
        """Promise work on it: a worker checks after so many seconds that it is being done."""
        self.due_at = now() + timedelta(seconds=look_in_s)

    @property
    def is_unpublished(self) -> bool:
        """Its tracks were changed, and its playlists do not contain that yet."""
        return self.status == MediaStatus.READY and self.changes != self.published

    @property
    def next_upload(self) -> int:
        """The number that the next accepted upload gets."""
        return self.uploads + 1

    def next_encoding(self) -> int:
        """Take the number of an encoding that begins now."""
        self.encodings += 1
        return self.encodings

    def begin_encoding(self) -> None:
        """Errored, or abandoned by its worker -> Processing, as a new encoding without any progress."""
        self.status, self.encoding = MediaStatus.PROCESSING, self.next_encoding()
        self.playable, self.progress, self.cid = False, 0, None
        self.kind = MediaKind.AUDIO if self.audio_only else None
        self.probe = self.duration_s = self.error_code = self.error_message = None
        self.begun_at = now()
        self.promise(SOON_S)


ALL_PUBLISHED = col(Media.changes) == col(Media.published)
"""In SQL: the playlists contain all changes of the tracks."""


class ImportStatus(StrEnum):
    """Where an import is in its life."""

    IMPORTING = "Importing"
    IMPORTED = "Imported"
    ERRORED = "Errored"


class Import(SQLModel, table=True):
    """A file that the server fetches itself to be a media's source: the last one of that media."""

    __tablename__ = "import"

    # Known when it is entered.
    media_id: UUID = Field(default=None, sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True))
    id: str = Field(default_factory=lambda: secrets.token_hex(8), sa_column=Column(String(20), nullable=False))
    """Of this import: a media may have had others."""
    status: str = Field(default=ImportStatus.IMPORTING, sa_column=Column(String(20), nullable=False))
    url: str | None = Field(default=None, sa_column=Column(String(2048)), repr=False)
    """Where the file is. It may be a credential, so it is shown to nobody, and forgotten when the import has ended."""
    shown_url: str = Field(sa_column=Column(String(2048), nullable=False))
    """The same without what may be a secret: for people."""
    upload_id: str | None = Field(
        default=None, sa_column=Column(String(40), ForeignKey("upload_session.id", ondelete="SET NULL"))
    )
    """The upload that is done by it, if one was ordered."""
    replace: bool = False
    """It becomes the next version of a media that is Ready."""
    kind: str | None = Field(default=None, sa_column=Column(String(10)))
    """`audio`: only the audio of the file is wanted."""
    file_name: str | None = Field(default=None, sa_column=Column(String(255)))
    """What the file is called, if that was said; else the server says it, or the URL."""
    policy: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """For a replacement: `gilfoyle.media.policy.EncodingPolicy`, as JSON; None: the settings when it is encoded."""
    validator: str | None = Field(default=None, sa_column=Column(String(1000)))
    """What says that the file is still that of which a part has arrived (RFC 9110, 13.1.5); None: nothing does."""
    received: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Bytes that have arrived; they begin anew where the server can't go on."""
    most_received: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    total: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Bytes of the file, if the server says so."""
    tries: int = 0
    """How often it has broken off since something was gained."""
    failing_since: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When it broke off first since then."""
    ends_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When it is given up, however far it is; None: it was not begun yet."""
    error_code: str | None = Field(default=None, sa_column=Column(String(50)))
    error_message: str | None = Field(default=None, sa_column=Column(String(4000)))
    created_at: datetime = Field(default_factory=now, sa_column=_time())

    @property
    def is_running(self) -> bool:
        return self.status == ImportStatus.IMPORTING

    def end(self, status: ImportStatus, code: str | None = None, message: str | None = None) -> None:
        """Importing -> Imported or Errored, with the reason. What may be a secret is forgotten."""
        self.status, self.error_code, self.error_message = status, code and code[:50], message and message[:4000]
        self.url = self.validator = None


NO_LEASE = or_(col(Media.upload_lease).is_(None), col(Media.upload_lease) < func.now())
"""In SQL: nobody is bringing bytes. The database's clock counts, not those of the servers."""
NO_IMPORT = not_(exists().where(col(Import.media_id) == col(Media.id), col(Import.status) == ImportStatus.IMPORTING))
"""In SQL: no file is being fetched for the media, also none that is waited for at this moment."""
NO_UPLOAD = and_(NO_LEASE, NO_IMPORT)
"""In SQL: no upload of the media is in progress, whoever does it."""


class Replacement(SQLModel, table=True):
    """The next version of a Ready media: made while the current version plays, then put in its place."""

    __tablename__ = "replacement"

    media_id: UUID = Field(sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True))
    encoding: int
    """The number of the new encoding."""
    upload: int
    """The upload that is its source: a new one, or the media's."""
    status: str = Field(default=MediaStatus.PROCESSING, sa_column=Column(String(20), nullable=False))
    """Processing or Errored."""
    kind: str | None = Field(default=None, sa_column=Column(String(10)))
    audio_only: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    begun_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When it began."""
    file_name: str | None = Field(default=None, sa_column=Column(String(255)))
    source_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    source_sha256: str | None = Field(default=None, sa_column=Column(String(64)))
    duration_limit_s: float | None = None
    policy: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """`gilfoyle.media.policy.EncodingPolicy`, as JSON; None: the settings when it begins."""
    progress: float = 0
    duration_s: float | None = None
    probe: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    error_code: str | None = Field(default=None, sa_column=Column(String(50)))
    error_message: str | None = Field(default=None, sa_column=Column(String(4000)))
    created_at: datetime = Field(default_factory=now, sa_column=_time())

    def begin_encoding(self, encoding: int) -> None:
        """Begin again, as a new encoding without any progress."""
        self.status, self.encoding, self.progress = MediaStatus.PROCESSING, encoding, 0
        self.kind = MediaKind.AUDIO if self.audio_only else None
        self.probe = self.duration_s = self.error_code = self.error_message = None
        self.begun_at = now()


NO_REPLACEMENT = not_(
    exists().where(col(Replacement.media_id) == col(Media.id), col(Replacement.status) == MediaStatus.PROCESSING)
)
"""In SQL: the media is not being replaced."""


class Policy(StrEnum):
    """Who may play a playback id: anyone who knows it, or who has a token for it as well."""

    PUBLIC = "public"
    SIGNED = "signed"


class PlaybackId(SQLModel, table=True):
    """An address under which a media can be played. It can be revoked; the media stays."""

    __tablename__ = "playback"

    id: str = Field(default_factory=lambda: secrets.token_urlsafe(16), sa_column=Column(String(40), primary_key=True))
    media_id: UUID = Field(sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), nullable=False, index=True))
    policy: str = Field(
        default=Policy.PUBLIC, sa_column=Column(String(10), nullable=False, server_default=Policy.PUBLIC)
    )
    """Policy."""
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
    """The name of its track; None for a rendition from before there were tracks."""
    status: str = Field(default=RenditionStatus.WAITING, sa_column=Column(String(20), nullable=False))
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    """Frames per second."""
    channels: int | None = None
    codecs: str | None = Field(default=None, sa_column=Column(String(80)))
    """RFC 6381, read from the init segment: `avc1.64001f`."""
    segments: int = 0
    """How many media segments it has when it is complete."""
    stored_segments: int = 0
    """How many segments are stored, from the first on without a gap."""
    stored_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    bandwidth: int | None = None
    """Peak segment bit rate, in bit/s, as measured."""
    average_bandwidth: int | None = None
    """Average bit rate, in bit/s, as measured."""
    error_code: str | None = Field(default=None, sa_column=Column(String(50)))
    error_message: str | None = Field(default=None, sa_column=Column(String(4000)))


class Attachment(SQLModel, table=True):
    """A small file beside a media."""

    __tablename__ = "attachment"

    media_id: UUID = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    name: str = Field(sa_column=Column(String(255), primary_key=True))
    id: str = Field(sa_column=Column(String(32), nullable=False))
    """Part of its object's key: each upload has one of its own, so that none is overwritten while it is read."""
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: datetime = Field(default_factory=now, sa_column=_time())


class TrackRow(SQLModel, table=True):
    """A `gilfoyle.media.tracks.Track` of a media."""

    __tablename__ = "track"

    media_id: UUID = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    encoding: int = Field(primary_key=True)
    """The encoding whose source contains it; 0: it has an object of its own, and belongs to all encodings."""
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
    """It was removed. A text's row stays until its objects are gone, an audio track's as long as the encoding."""
    ready: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """All of it can be played."""


class Recipe(SQLModel, table=True):
    """The inputs that produced an encoding: enough to make any part of it again, identically, in a later release."""

    __tablename__ = "recipe"
    __table_args__ = (
        Index("recipe_held_back", "media_id", "encoding", postgresql_where=text("held_back IS NOT NULL")),
    )

    media_id: UUID = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    encoding: int = Field(primary_key=True)
    plan: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """`gilfoyle.media.plan.Plan`, as JSON."""
    policy: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """`gilfoyle.media.policy.EncodingPolicy`, as JSON: the operator's settings when the upload was accepted."""
    held_back: dict[str, int] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """Passes that its workflow has not handed out yet, by their queue; None: none."""


class Errand(SQLModel, table=True):
    """Work on the whole installation that was begun and must be finished: a storage move."""

    __tablename__ = "errand"

    id: str = Field(sa_column=Column(String(200), primary_key=True))
    """The id of its workflow."""
    workflow: str = Field(sa_column=Column(String(50), nullable=False))
    """The name of the workflow."""
    job: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """The workflow's input, as JSON."""
    due_at: datetime = Field(sa_column=_time())
    """When to check that it runs."""


FINAL = (RenditionStatus.READY, RenditionStatus.ERRORED)
"""A rendition in one of these states is finished."""

NO_RETRY = not_(
    exists().where(
        col(Rendition.media_id) == col(Media.id),
        col(Rendition.encoding) == col(Media.encoding),
        col(Rendition.status).not_in(FINAL),
    )
)
"""In SQL, for a Ready media: no served rendition is being retried."""

HAS_OWN_OBJECTS = or_(
    exists().where(col(Attachment.media_id) == col(Media.id)),
    exists().where(col(TrackRow.media_id) == col(Media.id), col(TrackRow.encoding) == 0),
)
"""In SQL: the media has objects without an upload (attachments, texts), so it stays in their storage."""
