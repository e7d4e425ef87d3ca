"""Taking an upload in: the lease, its place in the storage, and its acceptance in the catalog."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from gilfoyle.catalog import Catalog, Import, Media, MediaKind, MediaStatus, UploadSession, takes_upload
from gilfoyle.errors import ConfigError, Gone, InvalidRequest, NotFound, StorageError
from gilfoyle.ingest.lease import RESUMED_LEASE_S, RESUMED_RENEW_S, UploadLease, upload_lease
from gilfoyle.ingest.receive import Incoming, Received, receive, too_large
from gilfoyle.ingest.resume import Arrived, Part, Resumption, arrived, has_begun, is_whole
from gilfoyle.storage import Concatenates, ObjectInfo, Resumable, SentParts, SignsParts, Storage, Storages, keys
from gilfoyle.storage.removal import drop

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Where a source goes, and the right to put it there."""

    lease: UploadLease
    storage_name: str
    storage: Storage
    key: str
    limit: int
    replace: bool
    session: UploadSession | None
    imported: Import | None


class Ingest:
    """The transports hand files to this."""

    def __init__(self, catalog: Catalog, storages: Storages, upload_bytes: int) -> None:
        """`upload_bytes`: the largest file that is accepted."""
        self._catalog = catalog
        self._storages = storages
        self.upload_bytes = upload_bytes

    async def accept(
        self,
        media_id: UUID,
        kind: MediaKind | None,
        incoming: Incoming,
        *,
        replace: bool = False,
        session: UploadSession | None = None,
    ) -> Media:
        """The media, Processing, with the file stored as its source; with `replace` or Ready, with a replacement of it.

        `kind`: AUDIO for its audio only. `session`: the one that brings the file, with its limits.
        Refused before a byte is read: an unknown media (NotFound), one that takes no upload now (Conflict), and what
        `incoming` refuses. Raises what `receive` raises; then the media is as before.
        """
        async with self._place(media_id, incoming.check, replace, session) as place:
            received = await receive(incoming, place.lease, place.storage, place.key, place.limit)
            return await self._enter(media_id, kind, received, place)

    async def resume(
        self,
        media_id: UUID,
        kind: MediaKind | None,
        file: Part,
        *,
        replace: bool = False,
        session: UploadSession | None = None,
        imported: Import | None = None,
    ) -> Media | Arrived:
        """As `accept`, where what arrives of a file that breaks off is kept, if the storage can do that.

        `imported`: the import that fetches the file.
        How much has arrived, if more is to come; or if the file is only asked for, and is that of the media already.
        Also raises WrongOffset, and what breaks the body off.
        """
        if file.range is not None and file.range.asks:
            there = await self.arrived(media_id, replace=replace)
            if there.complete == (there.offset == file.range.total):
                return there
        async with self._place(media_id, file.check, replace, session, imported) as place:
            if isinstance(place.storage, Resumable):
                resumption = Resumption(place.storage, place.storage, place.key, place.lease, place.limit)
                received = await resumption.take(file)
            elif is_whole(file):
                received = await receive(file, place.lease, place.storage, place.key, place.limit)
            else:
                raise _not_resumable()
            return received if isinstance(received, Arrived) else await self._enter(media_id, kind, received, place)

    async def arrived(self, media_id: UUID, *, replace: bool = False) -> Arrived:
        """How much of the file has arrived; `replace`: of its replacement. Raises NotFound, StorageError."""
        media = await self._catalog.medias.get(media_id)
        replacement = await self._catalog.replacements.of(media_id)
        if not takes_upload(media, replacement, replace=replace):
            uploaded = replacement if replace and replacement else media
            return Arrived(uploaded.source_bytes or 0, complete=True)
        offset, _whole = await arrived(*await self._next_source(media))
        return Arrived(offset, complete=False)

    async def concatenate(self, session: UploadSession, parts: Sequence[tuple[str, str]], size: int) -> Media:
        """The media, as of `accept`, with a source that is made of objects: names of their storages, and their keys.

        They stay. Raises what `accept` does.
        """
        assert session.media_id is not None

        def check(limit: int) -> None:
            if size > limit:
                raise too_large(limit)

        async with self._place(session.media_id, check, session.replace, session) as place:
            await place.lease.finish()  # it is held for as long as that takes, though nothing comes
            await drop(place.storage, place.key)
            info = await self._join(place, parts)
            if info.size != size:
                raise StorageError(f"The storage made {info.size} bytes of the {size} that arrived: try it again.")
            return await self._enter(session.media_id, session.media_kind, Received(None, size, None), place)

    async def _join(self, place: _Place, parts: Sequence[tuple[str, str]]) -> ObjectInfo:
        if isinstance(place.storage, Concatenates) and {name for name, _key in parts} == {place.storage_name}:
            return await place.storage.concatenate(place.key, [key for _name, key in parts])
        return await place.storage.write(place.key, self._read(parts))

    async def _read(self, parts: Sequence[tuple[str, str]]) -> AsyncIterator[bytes]:
        """All of them, one after another: the media lies in another storage than they do."""
        for name, key in parts:
            async with aclosing((await self._storages.of(name)).stream(key)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    yield piece

    async def place_of(self, media_id: UUID) -> tuple[Storage, str]:
        """Where the media's next source goes: the storage, and its key there. Raises NotFound, StorageError."""
        return await self._next_source(await self._catalog.medias.get(media_id))

    async def begin_parts(self, session: UploadSession, size: int) -> SentParts:
        """Have the source's parts come straight to the storage, which is one that signs URLs.

        Raises NotFound, Conflict, Locked, StorageError.
        """
        assert session.media_id is not None
        async with self._place(session.media_id, lambda _limit: None, session.replace, session) as place:
            assert isinstance(place.storage, SignsParts)
            return await place.storage.begin_parts(place.key, size)

    async def drop(self, media: Media) -> None:
        """Drop what has arrived of the media's next source. Nobody holds its lease, nor does its row count."""
        await drop(await self._storages.of(media.storage), keys.source(media.id, media.next_upload))

    async def drop_or_leave(self, media: Media) -> None:
        """As `drop`; what the storage does not let go of now is left to the sweep."""
        try:
            await self.drop(media)
        except StorageError as error:
            log.warning("what has arrived for media %s is left to the sweep: %s", media.id, error.message)

    @asynccontextmanager
    async def _place(
        self,
        media_id: UUID,
        check: Callable[[int], None],
        replace: bool,
        session: UploadSession | None,
        imported: Import | None = None,
    ) -> AsyncIterator[_Place]:
        """The source's place, until the end of the block. Raises NotFound, Conflict, and what `check` refuses.

        `check` is told how many bytes the file may have.
        """
        limit = session.limit(self.upload_bytes) if session else self.upload_bytes
        times = (RESUMED_LEASE_S, RESUMED_RENEW_S) if session or imported else ()
        name = await self._storage_of(await self._catalog.medias.get(media_id))
        holder = imported.id if imported else None
        where = media_id, name, *times
        async with upload_lease(self._catalog, *where, replace=replace, import_id=holder) as lease:
            check(limit)
            media = await self._catalog.medias.get(media_id)
            name = media.storage if await self._stays(media) else name
            storage, key = await self._storages.of(name), keys.source(media_id, media.next_upload)
            yield _Place(lease, name, storage, key, limit, replace, session, imported)

    async def _next_source(self, media: Media) -> tuple[Storage, str]:
        return await self._storages.of(await self._storage_of(media)), keys.source(media.id, media.next_upload)

    async def _storage_of(self, media: Media) -> str:
        """The storage for an upload. One that has begun goes on where it did, though the next ones go elsewhere."""
        if media.storage == self._storages.default or await self._stays(media) or await self._has_begun(media):
            return media.storage
        return self._storages.default

    async def _stays(self, media: Media) -> bool:
        """Whether it is in one place: it plays, or has attachments."""
        return media.status == MediaStatus.READY or await self._catalog.medias.has_own_objects(media.id)

    async def _has_begun(self, media: Media) -> bool:
        """Whether something of its next source has arrived where the media was expected."""
        try:
            storage = await self._storages.open(media.storage)
        except ConfigError:  # that backend is not there any more
            return False
        return await has_begun(storage, keys.source(media.id, media.next_upload))

    async def _enter(self, media_id: UUID, kind: MediaKind | None, received: Received, place: _Place) -> Media:
        """Tell the catalog what is stored. Raises NotFound, Conflict."""
        try:
            async with place.lease.lock:
                return await self._catalog.uploads.accept(
                    media_id,
                    kind=kind,
                    file_name=(place.session and place.session.file_name) or received.file_name,
                    size=received.size,
                    sha256=received.sha256,
                    held=place.lease.until,
                    storage=place.storage_name,
                    replace=place.replace,
                    upload_id=place.session.id if place.session else None,
                    import_id=place.imported.id if place.imported else None,
                )
        except (NotFound, Gone):  # deleted meanwhile, perhaps before the object was there
            await _discard(place.storage, place.key)
            raise


def _not_resumable() -> InvalidRequest:
    return InvalidRequest(
        "The storage can't keep a part of a file: send it whole, without Content-Range.", code="not_resumable"
    )


async def _discard(storage: Storage, key: str) -> None:
    try:
        await storage.delete(key)
    except StorageError:
        log.exception("%s is left in the storage", key)
