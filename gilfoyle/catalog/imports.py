"""Imports: files that the server fetches itself. Each is promised with the row of its media (catalog/promises.py).

While one is under way its media takes no other upload. A media has the row of its last one: it says how far that is,
and what became of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.cancellations import CANCELLED
from gilfoyle.catalog.medias import MediaGiven, add_media, external_id_free
from gilfoyle.catalog.merge import merged
from gilfoyle.catalog.models import (
    NO_UPLOAD,
    SOON_S,
    Import,
    ImportStatus,
    Media,
    MediaStatus,
    Policy,
    Replacement,
    now,
)
from gilfoyle.catalog.replacements import being_replaced
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.upload_sessions import UploadSession, UploadStatus, drop_import, end_failed, enter, enter_begun
from gilfoyle.catalog.uploads import busy, state_conflict, takes_upload
from gilfoyle.errors import Conflict, Gone, NotFound


class Imports(Rows):
    """`catalog.imports`."""

    async def create_media(self, media: Media, given: MediaGiven, policy: Policy, wanted: Import) -> Media:
        """A new media, whose file is fetched. Raises what `catalog.medias.create` does."""
        async with external_id_free(), self._database.session() as session:
            await add_media(session, media, given, policy)
            await _begin(session, media, wanted)
        return media

    async def order(self, upload: UploadSession, wanted: Import, storage: str, clip: dict[str, Any] | None) -> Media:
        """Enter a session that is done by an import: its media, which is made now, or the one that it names.

        `storage`: for a new media; `clip`: the part of the file that is wanted of it, for a media that awaits its file.
        Raises NotFound, Conflict as uploads do, and what `catalog.medias.create` does.
        """
        wanted.upload_id, wanted.replace, wanted.kind = upload.id, upload.replace, upload.kind
        wanted.file_name = upload.file_name
        if upload.media_id is None:
            async with external_id_free(), self._database.session() as session:
                media = await enter_begun(session, upload, storage)
                await _begin(session, media, wanted)
        else:
            async with self._locked(upload.media_id) as (session, media):
                upload.status = UploadStatus.UPLOADING
                enter(session, upload)
                await session.flush()
                if clip and media.status != MediaStatus.READY:
                    media.options = merged(media.options, {"clip": clip})
                await _begin(session, media, wanted)
        return media

    async def replace(self, media_id: UUID, wanted: Import) -> Media:
        """Have a media that is Ready replaced by what is fetched. Raises NotFound, Conflict."""
        wanted.replace = True
        async with self._locked(media_id) as (session, media):
            if media.status != MediaStatus.READY:
                raise Conflict(f"The media {media_id} is {media.status}: it can be replaced once it is Ready.")
            await _begin(session, media, wanted)
        return media

    async def of(self, media_id: UUID) -> Import | None:
        """The last import of a media."""
        async with self._database.reading() as session:
            return await session.get(Import, media_id)

    async def wanted(self, media_id: UUID, import_id: str, longest_s: float) -> Import | None:
        """That import, with its URL; None if it has ended, was cancelled, or its media is gone.

        `longest_s`: how long it may take from the first time on (seconds).
        """
        async with self._under_way(media_id, import_id) as row:
            if row is not None and row.ends_at is None:
                row.ends_at = now() + timedelta(seconds=longest_s)
        return row

    async def begun(self, media_id: UUID, import_id: str, total: int | None, validator: str | None) -> None:
        """The first bytes are coming of a file of `total` bytes. Raises Gone."""
        async with self._under_way(media_id, import_id) as row:
            if row is None:
                raise _gone()
            row.received, row.total, row.validator = 0, total, validator

    async def progress(self, media_id: UUID, import_id: str, received: int) -> None:
        """So many bytes have arrived. Raises Gone if it has ended, or was cancelled."""
        async with self._under_way(media_id, import_id) as row:
            if row is None:
                raise _gone()
            _gain(row, received)

    async def failed(self, media_id: UUID, import_id: str, received: int | None, *, anew: bool) -> Import | None:
        """It broke off; the import as it is then, None if it has ended or was cancelled.

        `received`: so many bytes had arrived by then; None: none have come. `anew`: they are of no use.
        """
        async with self._under_way(media_id, import_id) as row:
            if row is not None:
                if received is not None:
                    _gain(row, received)
                row.tries += 1
                row.failing_since = row.failing_since or now()
                if anew:
                    row.received, row.total, row.validator = 0, None, None
        return row

    async def fail(self, media_id: UUID, import_id: str, code: str, message: str) -> Media | None:
        """Importing -> Errored, for good; the media, if there is something of it to be dropped.

        A new media is Errored, too; one that plays goes on to; an upload that was ordered ends. Can be repeated.
        """
        async with self._locked_if_any(media_id) as (session, media):
            row = await session.get(Import, media_id) if media else None
            if media is None or row is None or row.id != import_id or not row.is_running:
                return None
            row.end(ImportStatus.ERRORED, code, message)
            media.upload_lease = None
            if row.upload_id is not None:
                await end_failed(session, row.upload_id, media, code, message)
            elif media.status == MediaStatus.AWAITING_UPLOAD:
                media.status, media.error_code, media.error_message = (
                    MediaStatus.ERRORED,
                    row.error_code,
                    message[:4000],
                )
            await self._forget_promise(session, media)
        return media

    async def cancel(self, media_id: UUID) -> Import | None:
        """Importing -> Errored, cancelled: what is being fetched for a media; None: nothing is.

        Raises NotFound, and Conflict if an upload that was ordered does it: that is cancelled by itself.
        """
        async with self._locked(media_id) as (session, _media):
            row = await session.get(Import, media_id)
            if row is None or not row.is_running:
                return None
            _require_no_upload(row)
        await self.fail(media_id, row.id, CANCELLED, "It was cancelled.")
        return row

    async def cancel_replacement(self, media_id: UUID) -> Media:
        """Give up an import that is to replace a media. Raises NotFound if there is none."""
        async with self._locked(media_id) as (session, media):
            row = await session.get(Import, media_id)
            if row is None or not row.is_running or media.status != MediaStatus.READY:
                raise NotFound(f"The media {media_id} is not being replaced.")
            _require_no_upload(row)
            await drop_import(session, media)
            await self._forget_promise(session, media)
        return media

    async def _forget_promise(self, session: AsyncSession, media: Media) -> None:
        if media.status == MediaStatus.READY:
            await self._settle(session, media)
        elif media.status != MediaStatus.DELETING:
            media.due_at = None

    @asynccontextmanager
    async def _under_way(self, media_id: UUID, import_id: str) -> AsyncIterator[Import | None]:
        """The row of an import that is under way, locked with its media's; None if it is not, any more."""
        async with self._locked_if_any(media_id, heard=True) as (session, media):
            row = await session.get(Import, media_id) if media else None
            yield row if row is not None and row.id == import_id and row.is_running else None


def _require_no_upload(row: Import) -> None:
    if row.upload_id is not None:
        raise Conflict(f"The file of the media {row.media_id} is fetched by the upload {row.upload_id}: cancel that.")


def _gone() -> Gone:
    return Gone("The import was cancelled, or its media was deleted.")


def _gain(row: Import, received: int) -> None:
    """So many bytes have arrived; if they are more than ever, whatever broke off before is forgotten."""
    row.received = received
    if received > row.most_received:
        row.most_received, row.tries, row.failing_since = received, 0, None


async def _begin(session: AsyncSession, media: Media, wanted: Import) -> None:
    """Enter an import, in the transaction that holds the media's row. Raises Conflict, Locked."""
    replacement = await session.get(Replacement, media.id)
    if not takes_upload(media, replacement, replace=wanted.replace):
        being = replacement is not None and replacement.status == MediaStatus.PROCESSING
        raise being_replaced(media.id) if being and wanted.replace else state_conflict(media, replace=wanted.replace)
    if not await session.scalar(select(NO_UPLOAD).where(col(Media.id) == media.id)):
        raise busy(media.id, await session.get(Import, media.id))
    before = await session.get(Import, media.id)
    if before is not None:
        await session.delete(before)
        await session.flush()
    wanted.media_id = media.id
    session.add(wanted)
    media.promise(SOON_S)
