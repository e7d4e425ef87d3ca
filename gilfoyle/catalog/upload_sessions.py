"""Upload sessions: each is one upload that a back end orders, and that a browser does without any other right.

A session becomes a media, or brings a media its source. Its media is made when the first bytes come, awaits its upload
until all are there, and goes with the session if that ends without it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    String,
    delete,
    exists,
    func,
    not_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.medias import MediaGiven, add_media, external_id_free, require_external_id_free
from gilfoyle.catalog.models import DEFAULT_PROJECT, NO_UPLOAD, Import, Media, MediaKind, MediaStatus, Policy, now
from gilfoyle.catalog.outbox import EventType, Happening, add
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, Gone, InvalidRequest, NotFound

TOKEN_PREFIX = "upload_"
"""How the tokens of sessions begin, so that no other secret is taken for one."""
TITLE_CHARS = 500
_FORGOTTEN_AT_ONCE = 10_000


class UploadStatus(StrEnum):
    """Where a session is in its life; the last four are its end."""

    WAITING = "waiting"
    UPLOADING = "uploading"
    ASSET_CREATED = "asset_created"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    ERRORED = "errored"


OPEN = (UploadStatus.WAITING, UploadStatus.UPLOADING)
_ENDED = {
    UploadStatus.TIMED_OUT: "nothing came for it until it expired",
    UploadStatus.CANCELLED: "it was cancelled",
    UploadStatus.ERRORED: "it has failed",
}


def _time(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class UploadSession(SQLModel, table=True):
    """One upload, from when it is ordered until it has become the source of a media."""

    __tablename__ = "upload_session"
    __table_args__ = (
        Index("upload_session_newest", "project", "created_at", "id"),
        Index("upload_session_open", "expires_at", postgresql_where=text("status IN ('waiting', 'uploading')")),
    )

    id: str = Field(default_factory=lambda: secrets.token_urlsafe(16), sa_column=Column(String(40), primary_key=True))
    project: str = Field(
        default=DEFAULT_PROJECT,
        sa_column=Column(
            String(40),
            ForeignKey("project.id", ondelete="CASCADE"),
            nullable=False,
            server_default=DEFAULT_PROJECT,
        ),
    )
    status: str = Field(default=UploadStatus.WAITING, sa_column=Column(String(20), nullable=False))
    media_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("media.id", ondelete="SET NULL"), index=True)
    )
    makes_media: bool = True
    """Its media is made for it; else it brings a media that there was before its source."""
    replace: bool = False
    """What it brings takes the place of a source, if its media is Ready."""
    token_hash: str = Field(default="", sa_column=Column(String(64), nullable=False, server_default=""))
    """SHA-256 of the token, in hexadecimal; empty: it has none."""
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    """What its media is to be like, as JSON: `title`, `description`, `playback_policy`, `given` (MediaGiven)."""
    length: int | None = Field(default=None, sa_column=Column(BigInteger))
    """How many bytes the file has, if that is known."""
    file_name: str | None = Field(default=None, sa_column=Column(String(255)))
    media_type: str | None = Field(default=None, sa_column=Column(String(255)))
    """As the client says it: nothing is believed of it."""
    kind: str | None = Field(default=None, sa_column=Column(String(10)))
    """`audio`: only the audio of the file is wanted."""
    tus_metadata: str = Field(default="", sa_column=Column(String(8192), nullable=False, server_default=""))
    """Upload-Metadata as it was sent: tus has it given back as it is."""
    max_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    max_duration_s: float | None = None
    cors_origin: str | None = Field(default=None, sa_column=Column(String(300)))
    """The web origin whose pages may upload; None: as the settings say."""
    partial: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """It is a partial upload of tus: no media, but a part of one."""
    part_of: str | None = Field(
        default=None, sa_column=Column(String(40), ForeignKey("upload_session.id", ondelete="CASCADE"), index=True)
    )
    """Of a partial upload: the order that it is for, if it is for one."""
    parts: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String(40)), nullable=False, server_default="{}")
    )
    """Of a final upload of tus: the partial ones that it is made of."""
    storage: str = Field(default="", sa_column=Column(String(20), nullable=False, server_default=""))
    """Of a partial upload: the backend in which it lies."""
    lease: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """Of a partial upload: until when a request that brings bytes keeps others out."""
    ttl_s: int
    """It expires when nothing has come for so long (seconds)."""
    expires_at: datetime = Field(sa_column=_time())
    error_code: str | None = Field(default=None, sa_column=Column(String(50)))
    error_message: str | None = Field(default=None, sa_column=Column(String(4000)))
    created_at: datetime = Field(default_factory=now, sa_column=_time())
    updated_at: datetime = Field(default_factory=now, sa_column=_time())

    @property
    def media_kind(self) -> MediaKind | None:
        return MediaKind(self.kind) if self.kind else None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def object_id(self) -> UUID:
        """Of a partial upload: the folder in which it lies, as a media's. It is the id, written otherwise."""
        return UUID(bytes=base64.urlsafe_b64decode(f"{self.id}=="))

    def admits(self, token: str) -> bool:
        """Whether the token is this session's. Compared in constant time."""
        return bool(self.token_hash) and hmac.compare_digest(_hashed(token), self.token_hash)

    def limit(self, most: int) -> int:
        """How many bytes the file may have, where `most` is what any file may."""
        return min(most, self.max_bytes or most)

    def require_open(self) -> None:
        """Raise Gone if it has ended without a media, Conflict if it has become one."""
        if self.status == UploadStatus.ASSET_CREATED:
            raise Conflict(f"The upload {self.id} is complete: it is the source of the media {self.media_id}.")
        if not self.is_open:
            raise Gone(f"The upload {self.id} takes no more: {_ENDED[UploadStatus(self.status)]}. Begin another.")


HAS_OPEN_SESSION = exists().where(
    col(UploadSession.media_id) == col(Media.id),
    col(UploadSession.status).in_(OPEN),
    col(UploadSession.expires_at) > func.now(),
)
"""In SQL: a session of the media may still go on, so what has arrived is kept for it."""


def id_of(object_id: UUID) -> str:
    """The id of the partial upload that lies in that folder."""
    return base64.urlsafe_b64encode(object_id.bytes).rstrip(b"=").decode()


def new_token() -> tuple[str, str]:
    """A token, which is shown once, and what is kept of it."""
    token = f"{TOKEN_PREFIX}{secrets.token_urlsafe(24)}"
    return token, _hashed(token)


class UploadSessions(Rows):
    """`catalog.upload_sessions`. Who changes a session and its media locks the media's row first."""

    async def create(self, upload: UploadSession) -> UploadSession:
        """Enter a session. Raises NotFound if its media is not there, Conflict if its media's external id is taken."""
        if upload.media_id is None:
            async with self._database.session() as session:
                if external_id := upload.settings.get("given", {}).get("external_id"):
                    await require_external_id_free(session, upload.project, external_id)
                enter(session, upload)
        else:
            async with self._locked(upload.media_id) as (session, _media):
                enter(session, upload)
        return upload

    async def get(self, upload_id: str) -> UploadSession:
        """A session. Raises NotFound."""
        async with self._database.reading() as session:
            found = None if "\0" in upload_id else await session.get(UploadSession, upload_id)
        if found is None:
            raise no_upload()
        return found

    async def page(
        self, project: str | None, status: UploadStatus | None, limit: int, offset: int
    ) -> tuple[list[UploadSession], int]:
        """Sessions, the newest first, and how many match, without partial ones. `project` None: of all."""
        conditions: list[Any] = [not_(col(UploadSession.partial))]
        if project is not None:
            conditions.append(col(UploadSession.project) == project)
        if status is not None:
            conditions.append(col(UploadSession.status) == status)
        newest = (col(UploadSession.created_at).desc(), col(UploadSession.id).desc())
        async with self._database.reading() as session:
            count = select(func.count()).select_from(UploadSession).where(*conditions)
            total = (await session.scalars(count)).one()
            query = select(UploadSession).where(*conditions).order_by(*newest).limit(limit).offset(offset)
            return list(await session.scalars(query)), total

    async def describe(
        self,
        upload_id: str,
        *,
        length: int | None = None,
        file_name: str | None = None,
        parts: list[str] | None = None,
        **facts: str | None,
    ) -> UploadSession:
        """Note what the client says of the file. Raises NotFound, Gone; InvalidRequest if it said another length."""
        async with self._held(upload_id) as (_session, upload):
            upload.require_open()
            if length is not None and upload.length not in (None, length):
                raise InvalidRequest(
                    f"The length was said to be {upload.length} bytes, and can't change.",
                    fields={"Upload-Length": "is another one than before"},
                )
            upload.length = upload.length if length is None else length
            upload.file_name = file_name or upload.file_name
            upload.parts = parts or upload.parts
            for name, value in facts.items():
                setattr(upload, name, value or getattr(upload, name))
        return upload

    async def begin(self, upload_id: str, storage: str, file_name: str | None) -> UploadSession:
        """Bytes come: -> uploading. Its media is made if there is none, expected in that storage.

        From now on it has all of its time again. Raises NotFound, Conflict, Gone, also if its media was deleted.
        """
        async with external_id_free(), self._held(upload_id) as (session, upload):
            upload.require_open()
            if upload.partial:
                raise partial_upload(upload_id)
            if upload.media_id is None:
                if upload.status != UploadStatus.WAITING or not upload.makes_media:
                    raise Gone(f"The media of the upload {upload_id} was deleted: begin another upload.")
                upload.media_id = (await _make_media(session, upload, storage, file_name)).id
            upload.status, upload.expires_at = UploadStatus.UPLOADING, now() + timedelta(seconds=upload.ttl_s)
        return upload

    async def end(
        self, upload_id: str, status: UploadStatus, *, code: str | None = None, message: str | None = None
    ) -> tuple[UploadSession, Media | None]:
        """End an open session without a media: what it has made goes. Raises NotFound, Conflict, Gone.

        An upload that is in progress finds its lease lost. Also the media for which bytes have come, which can be
        dropped now.
        """
        media_id = (await self.get(upload_id)).media_id
        while True:
            async with self._database.session() as session:
                media = None
                if media_id is not None:
                    query = select(Media).where(col(Media.id) == media_id).with_for_update()
                    media = (await session.scalars(query)).one_or_none()
                upload = await lock(session, upload_id)
                if upload.media_id == media_id:
                    upload.require_open()
                    has_begun = upload.status == UploadStatus.UPLOADING
                    upload.status, upload.error_code, upload.error_message = status, code, message
                    if media is not None and has_begun:
                        await self._let_go(session, upload, media)
                    _tell(session, upload)
                    return upload, media if has_begun else None
                media_id = upload.media_id

    async def expired(self, limit: int = 20) -> list[str]:
        """The ids of open sessions that have expired, and that nothing comes for at this moment; some, by chance.

        So those that can't be ended keep no others waiting.
        """
        late = (col(UploadSession.expires_at) <= func.now()) & col(UploadSession.status).in_(OPEN)
        busy = exists().where(col(Media.id) == col(UploadSession.media_id), ~NO_UPLOAD)
        leased = func.coalesce(col(UploadSession.lease) > func.now(), False)
        query = select(col(UploadSession.id)).where(late, ~busy, ~leased).order_by(func.random()).limit(limit)
        async with self._database.reading() as session:
            return list(await session.scalars(query))

    async def forget(self, older_than: timedelta) -> int:
        """Remove those that ended longer ago; returns how many there were. Their medias stay."""
        old = col(UploadSession.status).not_in(OPEN) & (col(UploadSession.updated_at) < func.now() - older_than)
        some = select(col(UploadSession.id)).where(old).limit(_FORGOTTEN_AT_ONCE)
        total = 0
        while True:
            async with self._database.session() as session:
                gone = delete(UploadSession).where(col(UploadSession.id).in_(some)).returning(col(UploadSession.id))
                count = len((await session.scalars(gone)).all())
            total += count
            if count < _FORGOTTEN_AT_ONCE:
                return total

    async def _let_go(self, session: AsyncSession, upload: UploadSession, media: Media) -> None:
        """The upload ends, with the import that does it, and the media with it that was made for it."""
        imported = await session.get(Import, media.id)
        if imported is not None and imported.upload_id == upload.id and imported.is_running:
            await drop_import(session, media)
            if media.status == MediaStatus.READY:
                await self._settle(session, media)
            elif media.status != MediaStatus.DELETING:
                media.due_at = None
        _let_go(upload, media)

    @asynccontextmanager
    async def _held(self, upload_id: str) -> AsyncIterator[tuple[AsyncSession, UploadSession]]:
        async with self._database.session() as session:
            yield session, await lock(session, upload_id)


async def complete(
    session: AsyncSession, upload_id: str, media: Media, file_name: str | None, size: int
) -> UploadSession:
    """Its file was accepted, in the transaction that holds the media's row. Raises Gone if it has ended meanwhile."""
    upload = await lock(session, upload_id)
    upload.require_open()
    upload.status, upload.media_id = UploadStatus.ASSET_CREATED, media.id
    upload.file_name, upload.length = file_name, size
    ended = update(UploadSession).where(col(UploadSession.id).in_(upload.parts), col(UploadSession.status).in_(OPEN))
    await session.execute(ended.values(status=UploadStatus.ASSET_CREATED, media_id=media.id, updated_at=now()))
    if upload.makes_media and file_name and "title" not in upload.settings:
        media.title = file_name[:TITLE_CHARS]
    _tell(session, upload)
    return upload


def enter(session: AsyncSession, upload: UploadSession) -> None:
    """Enter a session, in the caller's transaction."""
    session.add(upload)
    _tell(session, upload)


async def enter_begun(session: AsyncSession, upload: UploadSession, storage: str) -> Media:
    """Enter one for which bytes come at once, with the media that it becomes, in the caller's transaction."""
    media = await _make_media(session, upload, storage, None)
    upload.status, upload.media_id = UploadStatus.UPLOADING, media.id
    enter(session, upload)
    await session.flush()
    return media


async def end_failed(session: AsyncSession, upload_id: str, media: Media, code: str, message: str) -> None:
    """Its file can't be had: it is Errored, in the transaction that holds the media's row."""
    upload = await lock(session, upload_id)
    if upload.is_open:
        upload.status, upload.error_code, upload.error_message = UploadStatus.ERRORED, code[:50], message[:4000]
        _let_go(upload, media)
        _tell(session, upload)


async def drop_import(session: AsyncSession, media: Media) -> None:
    """Give up what is being fetched for a media; whoever does that finds its lease lost."""
    imported = await session.get(Import, media.id)
    if imported is not None:
        await session.delete(imported)
    media.upload_lease = None


def _tell(session: AsyncSession, upload: UploadSession) -> None:
    """Its status is another one: have that written into the outbox. Nobody is told of partial uploads."""
    if upload.partial:
        return
    error = {"code": upload.error_code, "message": upload.error_message} if upload.error_code else None
    data = {"upload_id": upload.id, "status": upload.status, "error": error}
    happened = EventType.UPLOAD_CREATED if upload.is_open else EventType(f"upload.{upload.status}")
    add(session, Happening(happened, upload.project, upload.media_id, data))


async def _make_media(session: AsyncSession, upload: UploadSession, storage: str, file_name: str | None) -> Media:
    """The media that the upload becomes, called as its file if nothing else was said."""
    media = Media(
        title=upload.settings.get("title") or (upload.file_name or file_name or "Untitled")[:TITLE_CHARS],
        description=upload.settings.get("description", ""),
        storage=storage,
        project=upload.project,
    )
    given = dict(upload.settings.get("given", {}))
    if given.get("expires_at"):
        given["expires_at"] = datetime.fromisoformat(given["expires_at"])
    policy = Policy(upload.settings.get("playback_policy", Policy.PUBLIC))
    return await add_media(session, media, cast(MediaGiven, given), policy)


def partial_upload(upload_id: str) -> Conflict:
    """The error for what a partial upload is not for."""
    return Conflict(f"The upload {upload_id} is a partial one of tus: it takes parts by PATCH.", code="partial_upload")


def no_upload(upload_id: str = "of that id") -> NotFound:
    return NotFound(f"There is no upload {upload_id}.")


async def lock(session: AsyncSession, upload_id: str) -> UploadSession:
    """The row, locked. Raises NotFound."""
    if "\0" in upload_id:
        raise no_upload()
    query = select(UploadSession).where(col(UploadSession.id) == upload_id).with_for_update()
    upload = (await session.scalars(query)).one_or_none()
    if upload is None:
        raise no_upload()
    upload.updated_at = now()
    return upload


def _let_go(upload: UploadSession, media: Media) -> None:
    """The upload ends, and the media with it that was made for it."""
    media.upload_lease = None
    if upload.makes_media and media.status == MediaStatus.AWAITING_UPLOAD:
        media.begin_deleting()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
