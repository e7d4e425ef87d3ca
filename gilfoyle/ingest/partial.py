"""Partial uploads of tus (Concatenation): each lies in the storage by itself until a final upload is made of them.

They count against the limits of the order that they are for, expire as any upload does, and never become a media.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from gilfoyle.catalog import Catalog, UploadSession
from gilfoyle.catalog.partials import MOST_PARTIALS
from gilfoyle.errors import Conflict, Gone, InvalidRequest, StorageError
from gilfoyle.ingest.lease import partial_lease
from gilfoyle.ingest.receive import too_large
from gilfoyle.ingest.resume import Arrived, Part, Resumption, arrived
from gilfoyle.storage import Concatenates, Resumable, Storage, Storages, keys
from gilfoyle.storage.removal import drop

log = logging.getLogger(__name__)


def concatenates(storage: Storage) -> bool:
    """Whether uploads into that storage can be made of partial ones."""
    return isinstance(storage, Resumable) and isinstance(storage, Concatenates)


class Partials:
    """What `SessionIngest` does, for partial uploads."""

    def __init__(self, catalog: Catalog, storages: Storages, upload_bytes: int) -> None:
        """`upload_bytes`: the largest file that is accepted."""
        self._catalog = catalog
        self._storages = storages
        self._upload_bytes = upload_bytes

    async def create(self, partial: UploadSession) -> UploadSession:
        """Enter one, in the storage of new medias. Raises TooLarge, Conflict, Gone; InvalidRequest for a storage that
        can't concatenate.
        """
        await self.require_concatenation()
        limit = partial.limit(self._upload_bytes)
        if (partial.length or 0) > limit:
            raise too_large(limit)
        partial.partial, partial.storage = True, self._storages.default
        return await self._catalog.partials.create(partial, limit)

    async def require_concatenation(self) -> None:
        """Raises InvalidRequest."""
        if not concatenates(await self._storages.open()):
            raise InvalidRequest(
                "The storage can't make a file of partial uploads: send it by one upload.", code="not_concatenable"
            )

    async def resume(self, upload: UploadSession, part: Part) -> Arrived:
        """Store what a request brings. Raises what `Ingest.resume` raises."""
        storage, key = await self._place(upload)
        if not isinstance(storage, Resumable):
            raise StorageError("The storage of that upload keeps no parts any more: begin another upload.")
        async with partial_lease(self._catalog, upload.id) as lease:
            resumption = Resumption(storage, storage, key, lease, upload.limit(self._upload_bytes))
            try:
                taken = await resumption.take(part)
            except Gone:  # it has ended meanwhile, perhaps after what came before was dropped
                await drop(storage, key)
                raise
        return taken if isinstance(taken, Arrived) else Arrived(taken.size)

    async def arrived(self, upload: UploadSession) -> Arrived:
        """How much has arrived. Raises StorageError."""
        return Arrived((await arrived(*await self._place(upload)))[0])

    async def chosen(self, upload_ids: Sequence[str], admits: Callable[[UploadSession], bool]) -> list[UploadSession]:
        """Those of which a final upload is to be made: all are whole, and have all of their time again.

        `admits` says which may be used. Raises InvalidRequest, NotFound, Conflict, Gone, StorageError.
        """
        if len(upload_ids) > MOST_PARTIALS:
            raise InvalidRequest(
                f"An upload is made of at most {MOST_PARTIALS} partial ones.", fields={"Upload-Concat": "has too many"}
            )
        for upload in (found := await self._catalog.partials.of(upload_ids)):
            if not upload.partial or not admits(upload):
                raise InvalidRequest(
                    f"The upload {upload.id} is not a partial one of this.", fields={"Upload-Concat": "names another"}
                )
        return await self.whole([upload.id for upload in found])

    async def whole(self, upload_ids: Sequence[str]) -> list[UploadSession]:
        """Those, with all of their time again. Raises NotFound, Conflict if one is not whole, Gone, StorageError."""
        await self._catalog.partials.prolong(upload_ids)
        found = await self._catalog.partials.of(upload_ids)
        for upload in found:
            upload.require_open()
            storage, key = await self._place(upload)
            offset, is_whole = await arrived(storage, key)
            if not is_whole or offset != upload.length:
                raise Conflict(
                    f"Of the partial upload {upload.id}, {offset} of {upload.length} bytes have come: send the rest.",
                    code="partial_unfinished",
                )
        return found

    async def drop(self, upload: UploadSession) -> None:
        """Remove what has arrived. What the storage does not let go of now is left to the sweep."""
        try:
            storage, key = await self._place(upload)
            await drop(storage, key)
            await storage.delete_prefix(keys.media_prefix(upload.object_id))
        except StorageError as error:
            log.warning("what came for the upload %s is left to the sweep: %s", upload.id, error.message)

    def place_of(self, upload: UploadSession) -> tuple[str, str]:
        """The name of its storage, and its key there."""
        return upload.storage, keys.partial(upload.object_id)

    async def _place(self, upload: UploadSession) -> tuple[Storage, str]:
        name, key = self.place_of(upload)
        return await self._storages.of(name), key
