"""Uploads by session: bytes that come for one, and what becomes of one for which none come any more."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from gilfoyle.catalog import Catalog, Media, UploadSession, UploadStatus
from gilfoyle.errors import (
    Conflict,
    GilfoyleError,
    Gone,
    Locked,
    NotFound,
    ObjectNotFound,
    TooLarge,
    Unavailable,
)
from gilfoyle.ingest.acceptance import Ingest
from gilfoyle.ingest.partial import Partials
from gilfoyle.ingest.receive import Incoming
from gilfoyle.ingest.resume import Arrived, Part
from gilfoyle.ingest.tus import TusPart
from gilfoyle.storage import SignsParts, Storages

log = logging.getLogger(__name__)


class SessionIngest:
    """What `Ingest` does, for sessions."""

    def __init__(self, catalog: Catalog, storages: Storages, ingest: Ingest) -> None:
        self._catalog = catalog
        self._storages = storages
        self._ingest = ingest
        self.partials = Partials(catalog, storages, ingest.upload_bytes)

    async def accept(self, upload: UploadSession, incoming: Incoming) -> Media:
        """See Ingest.accept. Raises Gone, too."""
        begun = await self._begin(upload, None)
        assert begun.media_id is not None
        return await self._ingest.accept(
            begun.media_id, begun.media_kind, incoming, replace=begun.replace, session=begun
        )

    async def resume(self, upload: UploadSession, part: Part) -> Media | Arrived:
        """See Ingest.resume. Raises Gone, too. What turns out to have more bytes than it may have ends the session."""
        part.check(upload.limit(self._ingest.upload_bytes))
        if upload.partial:
            return await self.partials.resume(upload, part)
        begun = await self._begin(upload, part.file_name)
        assert begun.media_id is not None
        try:
            return await self._ingest.resume(
                begun.media_id, begun.media_kind, part, replace=begun.replace, session=begun
            )
        except TooLarge as error:
            await self.end(upload.id, UploadStatus.ERRORED, error)
            raise

    async def arrived(self, upload: UploadSession) -> Arrived:
        """How much of the file has arrived; if that is all, and nobody sees to it, it is accepted.

        So who hears that all has arrived can rely on it, though the process died that received the last byte. Raises
        Gone, Locked.
        """
        if upload.status == UploadStatus.ASSET_CREATED:
            return Arrived(upload.length or 0, complete=True)
        upload.require_open()
        if upload.status == UploadStatus.WAITING:
            return Arrived(0)
        if upload.partial:
            return await self.partials.arrived(upload)
        if upload.media_id is None:
            raise Gone(f"The media of the upload {upload.id} was deleted: begin another upload.")
        found = await self._ingest.arrived(upload.media_id, replace=upload.replace)
        if found.complete:
            raise Conflict(f"The media {upload.media_id} got its file by another upload.")
        if found.offset and found.offset == upload.length:
            await self.resume(upload, _nothing_more(upload))
            return Arrived(found.offset, complete=True)
        return found

    async def end(self, upload_id: str, status: UploadStatus, why: GilfoyleError | None = None) -> UploadSession:
        """End a session without a media, and remove what has arrived. Raises NotFound, Conflict, Gone.

        What the storage does not let go of now is left to the sweep.
        """
        upload, media = await self._catalog.upload_sessions.end(
            upload_id, status, code=why.reason if why else None, message=why.message if why else None
        )
        if media is not None:
            await self._ingest.drop_or_leave(media)
        if upload.partial:
            await self.partials.drop(upload)
        for partial in await self._catalog.partials.open_of(upload_id):
            with suppress(Conflict, Gone, NotFound):  # somebody was faster
                await self.end(partial, status)
        return upload

    async def concatenate(self, upload: UploadSession) -> Media:
        """Make its file of its partial uploads, which are whole, and have it accepted.

        Raises what `accept` does. Then the partial uploads are as before, and it may be tried again.
        """
        begun = await self._begin(upload, upload.file_name)
        parts = await self.partials.whole(begun.parts)
        size = sum(part.length or 0 for part in parts)
        media = await self._ingest.concatenate(begun, [self.partials.place_of(part) for part in parts], size)
        for part in parts:
            await self.partials.drop(part)
        return media

    async def expire(self) -> int:
        """End the sessions that have expired; returns how many. What has arrived whole is accepted. Raises Unavailable.

        One that can't be seen to keeps neither the others nor anything else from being done: it is tried again.
        """
        ids = await self._catalog.upload_sessions.expired()
        for upload_id in ids:
            try:
                await self._expire(await self._catalog.upload_sessions.get(upload_id))
            except Unavailable:
                raise
            except GilfoyleError as error:
                log.warning("the upload %s has expired, and stays for now: %s", upload_id, error.message)
        return len(ids)

    async def _expire(self, upload: UploadSession) -> None:
        try:
            if upload.partial:
                raise Conflict("it is part of an upload that was not completed")
            if (await self.arrived(upload)).complete or await self._goes_on(upload):
                return
        except Locked:
            return
        except (Conflict, NotFound, Gone) as error:
            log.info("the upload %s can't be completed: %s", upload.id, error.message)
        await self.end(upload.id, UploadStatus.TIMED_OUT)
        log.info("the upload %s has timed out", upload.id)

    async def _goes_on(self, upload: UploadSession) -> bool:
        """Whether parts still come, past this server: then it has its time again."""
        if upload.media_id is None:
            return False
        storage, key = await self._ingest.place_of(upload.media_id)
        if not isinstance(storage, SignsParts):
            return False
        try:
            sent = await storage.parts(key)
        except ObjectNotFound:
            return False
        if time.time() - sent.modified > upload.ttl_s:
            return False
        await self._begin(upload, None)
        return True

    async def _begin(self, upload: UploadSession, file_name: str | None) -> UploadSession:
        return await self._catalog.upload_sessions.begin(upload.id, self._storages.default, file_name)


def _nothing_more(upload: UploadSession) -> TusPart:
    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    assert upload.length is not None
    return TusPart({}, nothing(), upload.length, upload.length, upload.file_name)
