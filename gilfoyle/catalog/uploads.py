"""Uploads: one at a time per media, and none twice.

An upload holds a lease that it renews as bytes arrive, so it expires if the server dies. The lease's end also proves
who holds it: every renewal names the end it was given, and fails once another upload has taken over.
The database's clock counts, not those of the servers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import (
    HAS_OWN_OBJECTS,
    NO_LEASE,
    NO_REPLACEMENT,
    NO_UPLOAD,
    SOON_S,
    Import,
    ImportStatus,
    Media,
    MediaKind,
    MediaStatus,
    Replacement,
    now,
)
from gilfoyle.catalog.replacements import begin, being_replaced
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.upload_sessions import complete
from gilfoyle.errors import Conflict, Gone, Locked

_WHY_NOT = {
    MediaStatus.PROCESSING: "it has its upload already and is being processed (status Processing)",
    MediaStatus.READY: "it has its upload already and is ready (status Ready); "
    "`?replace=true` has another file take its place",
}
_TAKES_FIRST = (MediaStatus.AWAITING_UPLOAD, MediaStatus.ERRORED)


def takes_upload(media: Media, replacement: Replacement | None, *, replace: bool) -> bool:
    """Whether a media takes an upload now: it has none that could be encoded; or it is Ready, and `replace` is set."""
    if media.status == MediaStatus.READY:
        return replace and (replacement is None or replacement.status == MediaStatus.ERRORED)
    return media.status in _TAKES_FIRST


def state_conflict(media: Media, *, replace: bool) -> Conflict:
    """The error for who wants to upload into a media that takes none."""
    if replace and media.status == MediaStatus.READY:
        return being_replaced(media.id)
    return Conflict(f"The media {media.id} takes no upload, since {_WHY_NOT[MediaStatus(media.status)]}.")


def busy(media_id: UUID, imported: Import | None) -> Conflict:
    """The error for who wants to upload into a media to which somebody uploads, or for which a file is fetched."""
    if imported is not None and imported.is_running:
        return Conflict(
            f"The file of the media {media_id} is being fetched from a URL: wait until that has ended, or cancel it.",
            code="importing",
        )
    return Locked(f"Another upload to the media {media_id} is in progress.")


class Uploads(Rows):
    """`catalog.uploads`."""

    async def lease(
        self,
        media_id: UUID,
        seconds: float,
        storage: str = "filesystem",
        *,
        replace: bool = False,
        import_id: str | None = None,
    ) -> datetime:
        """Take the lease for so long, for an upload into that storage; returns its end, the proof of holding it.

        An Errored media may be uploaded again; it stays in its storage until the upload is accepted. With `replace`,
        a Ready media, too. `import_id`: for an import that is under way. Raises NotFound, Conflict if it takes no
        upload or its file is fetched from elsewhere, Locked if another upload's lease is alive.
        """
        takes_first = col(Media.status).in_(_TAKES_FIRST)
        takes_next = (col(Media.status) == MediaStatus.READY) & NO_REPLACEMENT
        takes_one = or_(takes_first, takes_next) if replace else takes_first
        free = (col(Media.status) == MediaStatus.AWAITING_UPLOAD) & not_(HAS_OWN_OBJECTS)
        place = case((free, storage), else_=col(Media.storage))
        is_free = NO_UPLOAD if import_id is None else NO_LEASE
        until = await self._set_lease(media_id, seconds, is_free & takes_one, storage=place)
        if until is None:
            async with self._locked(media_id) as (session, media):
                if not takes_upload(media, await session.get(Replacement, media_id), replace=replace):
                    raise state_conflict(media, replace=replace)
                raise busy(media_id, await session.get(Import, media_id) if import_id is None else None)
        return until

    async def renew(self, media_id: UUID, seconds: float, held: datetime) -> datetime:
        """Prolong the lease that ends at `held`; returns its new end. Raises NotFound, and Conflict if it is lost."""
        until = await self._set_lease(media_id, seconds, col(Media.upload_lease) == held)
        if until is None:
            async with self._locked(media_id):
                raise Conflict(f"The upload to the media {media_id} paused for too long: another took its place.")
        return until

    async def holds(self, media_id: UUID, held: datetime) -> bool:
        """Whether nobody has taken the lease that ends, or has ended, at `held`."""
        mine = (col(Media.id) == media_id) & (col(Media.upload_lease) == held)
        async with self._database.reading() as session:
            return (await session.execute(select(col(Media.id)).where(mine))).first() is not None

    async def release(self, media_id: UUID, held: datetime) -> None:
        """Give the lease back. Does nothing if it is lost or the media is gone."""
        mine = (col(Media.id) == media_id) & (col(Media.upload_lease) == held)
        async with self._database.session() as session:
            await session.execute(update(Media).where(mine).values(upload_lease=None))

    async def accept(
        self,
        media_id: UUID,
        *,
        kind: str | None,
        file_name: str | None,
        size: int,
        sha256: str | None,
        held: datetime | None = None,
        storage: str = "",
        replace: bool = False,
        upload_id: str | None = None,
        import_id: str | None = None,
    ) -> Media:
        """AwaitingUpload or Errored -> Processing, for a source that is stored whole as its `next_upload`.

        `kind`: `audio`, if only its audio is wanted; None: that is found out. `sha256` None: that is taken later.
        With `replace`, one that is Ready stays so, and has a replacement from now on, in the storage where it lies.
        `held` is the uploader's lease, if any; `storage` where the source lies, if that is another place than before.
        `upload_id`: of the session that brought it, which is complete then; `import_id`: of the import that did. Raises
        NotFound if the media was deleted meanwhile, Conflict if another upload was accepted, Gone if the session or the
        import has ended.
        """
        async with self._locked(media_id) as (session, media):
            if not takes_upload(media, await session.get(Replacement, media_id), replace=replace):
                raise state_conflict(media, replace=replace)
            if held is not None and media.upload_lease != held:
                raise Conflict(f"Another upload to the media {media_id} took the place of this one.")
            imported = await _imported(session, media_id, import_id, size)
            media.uploads, media.upload_lease = media.next_upload, None
            uploaded: Media | Replacement = media
            if media.status == MediaStatus.READY:
                uploaded = await begin(session, media, media.uploads)
                uploaded.policy = imported.policy if imported else None
            else:
                media.upload, media.storage = media.uploads, storage or media.storage
                if media.status == MediaStatus.ERRORED:
                    media.begin_encoding()
                media.status, media.begun_at = MediaStatus.PROCESSING, now()
                media.promise(SOON_S)
            uploaded.kind, uploaded.audio_only, uploaded.file_name = kind, kind == MediaKind.AUDIO, file_name
            uploaded.source_bytes, uploaded.source_sha256 = size, sha256
            uploaded.duration_limit_s = None
            if imported is not None:
                media.promise(0)  # who accepts it can't start its workflow
            if upload_id is not None:
                upload = await complete(session, upload_id, media, file_name, size)
                uploaded.duration_limit_s = upload.max_duration_s
        return media

    async def _set_lease(self, media_id: UUID, seconds: float, condition: object, **changes: object) -> datetime | None:
        alive = col(Media.status) != MediaStatus.DELETING
        change = (
            update(Media)
            .where(col(Media.id) == media_id, alive, condition)  # type: ignore[arg-type]
            .values(upload_lease=func.now() + timedelta(seconds=seconds), **changes)
            .returning(col(Media.upload_lease))
        )
        async with self._database.session() as session:
            return (await session.execute(change)).scalar_one_or_none()


async def _imported(session: AsyncSession, media_id: UUID, import_id: str | None, size: int) -> Import | None:
    """The import that has brought the file, which has ended; one of before is forgotten.

    Raises Gone if it was cancelled; Conflict if the file came otherwise while one is under way.
    """
    row = await session.get(Import, media_id)
    if import_id is not None:
        if row is None or row.id != import_id or not row.is_running:
            raise Gone("The import was cancelled.")
        row.end(ImportStatus.IMPORTED)
        row.received = row.total = size
        return row
    if row is not None:
        if row.is_running:
            raise busy(media_id, row)
        await session.delete(row)
    return None
