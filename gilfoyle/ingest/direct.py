"""Parts that clients send straight to the storage, by signed URLs: the bytes never come through here.

What becomes of them is as with any upload: the media's lease while they are begun and completed, one acceptance, the
checksum taken afterwards. What has arrived is what the storage says, not what the client does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gilfoyle.catalog import Catalog, UploadSession, UploadStatus
from gilfoyle.errors import Conflict, InvalidRequest, ObjectNotFound
from gilfoyle.ingest.acceptance import Ingest
from gilfoyle.ingest.receive import too_large
from gilfoyle.ingest.sessions import SessionIngest
from gilfoyle.storage import Resumable, SentParts, SignsParts, Storage, Storages

MOST_URLS = 500
"""How many are signed at once."""
_NAMED = 10


@dataclass(frozen=True)
class DirectParts:
    """The parts that a file of `length` bytes consists of, and which of them have arrived."""

    length: int
    sent: SentParts

    @property
    def count(self) -> int:
        return -(-self.length // self.sent.part_bytes)

    def size(self, number: int) -> int:
        """How many bytes part `number` (1, 2 …) has."""
        return min(self.sent.part_bytes, self.length - (number - 1) * self.sent.part_bytes)

    @property
    def missing(self) -> list[int]:
        """The numbers of those that have not arrived, or not as they should be."""
        return [number for number in range(1, self.count + 1) if self.sent.sizes.get(number) != self.size(number)]

    def wanted(self, first: int, last: int) -> Mapping[int, int]:
        """Sizes by number. Raises InvalidRequest for numbers that there are not."""
        if not 1 <= first <= last <= self.count:
            raise InvalidRequest(
                f"The parts are numbered from 1 to {self.count}: ask for first to last of those.",
                fields={"first" if first > self.count else "last": "is no number of a part, or not the last"},
            )
        if last - first >= MOST_URLS:
            raise InvalidRequest(
                f"{MOST_URLS} URLs are signed at once: ask for the next ones later.", fields={"last": "is too far away"}
            )
        return {number: self.size(number) for number in range(first, last + 1)}


class DirectIngest:
    """What `SessionIngest` does, for parts that come straight to the storage."""

    def __init__(self, catalog: Catalog, storages: Storages, ingest: Ingest, sessions: SessionIngest) -> None:
        self._catalog = catalog
        self._storages = storages
        self._ingest = ingest
        self._sessions = sessions

    async def begin(
        self, upload: UploadSession, *, length: int | None, file_name: str | None, media_type: str | None
    ) -> DirectParts:
        """Begin an upload in parts, or go on with it. `length` may be left out if the order said it.

        Raises InvalidRequest, TooLarge, Conflict if the storage signs nothing or bytes have come by another way, Gone,
        Locked, StorageError.
        """
        upload.require_open()
        size = length or upload.length
        if size is None:
            raise InvalidRequest(
                "The length of the file decides about its parts: say it.", fields={"length": "is missing"}
            )
        limit = upload.limit(self._ingest.upload_bytes)
        if size > limit:
            raise too_large(limit)
        await self._require_signing(upload)
        sessions = self._catalog.upload_sessions
        await sessions.describe(upload.id, length=size, file_name=file_name, media_type=media_type)
        begun = await sessions.begin(upload.id, self._storages.default, file_name)
        try:
            return await self.state(begun)
        except Conflict as error:
            if error.reason != "parts_not_begun":
                raise
        return DirectParts(size, await self._ingest.begin_parts(begun, size))

    async def state(self, upload: UploadSession) -> DirectParts:
        """The parts that there are, and which of them have arrived. Raises Conflict, Gone, StorageError."""
        return (await self._parts(upload))[0]

    async def urls(self, upload: UploadSession, first: int, last: int, seconds: int) -> Sequence[tuple[int, int, str]]:
        """The number, size and URL of each of those parts. The upload has all of its time again.

        Raises InvalidRequest, Conflict, Gone, StorageError.
        """
        there, storage, key = await self._parts(upload)
        sizes = there.wanted(first, last)
        await self._catalog.upload_sessions.begin(upload.id, self._storages.default, None)
        urls = await storage.part_urls(key, sizes, seconds)
        return [(number, size, url) for (number, size), url in zip(sizes.items(), urls, strict=True)]

    async def complete(self, upload: UploadSession) -> None:
        """Have the file accepted; nothing happens if it was. Raises Conflict if parts are missing, Gone, Locked,
        StorageError.
        """
        if upload.status != UploadStatus.ASSET_CREATED:
            try:
                there = await self.state(upload)
            except Conflict as error:  # a process that died may have completed it in the storage
                if error.reason != "parts_not_begun" or not (await self._sessions.arrived(upload)).complete:
                    raise
                return
            if there.missing:
                raise _incomplete(there)
            if not (await self._sessions.arrived(upload)).complete:
                raise _incomplete(await self.state(upload))

    async def _parts(self, upload: UploadSession) -> tuple[DirectParts, SignsParts, str]:
        """Also where they are."""
        upload.require_open()
        storage = await self._require_signing(upload)
        if upload.media_id is None or upload.length is None:
            raise _not_begun()
        _storage, key = await self._ingest.place_of(upload.media_id)
        try:
            return DirectParts(upload.length, await storage.parts(key)), storage, key
        except ObjectNotFound as error:
            raise await _why_not_begun(storage, key) from error

    async def _require_signing(self, upload: UploadSession) -> SignsParts:
        """The storage, if it signs URLs. Raises Conflict."""
        if upload.media_id is None:
            storage = await self._storages.open()
        else:
            storage, _key = await self._ingest.place_of(upload.media_id)
        if not isinstance(storage, SignsParts):
            raise no_direct_parts(storage)
        return storage


def no_direct_parts(storage: Storage) -> Conflict:
    """The error for a storage that signs nothing: it says which ways there are."""
    ways = "by tus, by PUT or as a form" if isinstance(storage, Resumable) else "by PUT or as a form"
    return Conflict(
        f"The storage takes no parts from clients themselves, only S3 does: send the file {ways}, to the upload's url.",
        code="no_direct_parts",
    )


async def _why_not_begun(storage: Resumable, key: str) -> Conflict:
    """Bytes that came by another way stay."""
    try:
        arrived = await storage.arrived(key)
    except ObjectNotFound:
        return _not_begun()
    if not arrived:
        return _not_begun()
    return Conflict(f"{arrived} bytes have come by another way: go on that way.", code="another_way")


def _not_begun() -> Conflict:
    return Conflict("No parts were begun, or they were dropped: POST to `parts` begins them.", code="parts_not_begun")


def _incomplete(there: DirectParts) -> Conflict:
    missing = there.missing
    named = ", ".join(map(str, missing[:_NAMED])) + (" …" if len(missing) > _NAMED else "")
    return Conflict(
        f"{len(missing)} of {there.count} parts have not arrived, or not with their size: {named}. Send them.",
        code="parts_missing",
    )
