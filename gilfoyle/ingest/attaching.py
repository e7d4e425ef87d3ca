"""Taking in a small file that is kept unchanged beside a media."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

from gilfoyle.catalog import Attachment, Catalog
from gilfoyle.errors import Conflict, InvalidRequest, NotFound, StorageError
from gilfoyle.ingest import file_names
from gilfoyle.ingest.receive import Checked, Incoming
from gilfoyle.storage import Storage, Storages, keys

log = logging.getLogger(__name__)


class Attaching:
    """The transports hand attachments to this."""

    def __init__(self, catalog: Catalog, storages: Storages, most_bytes: int) -> None:
        """`most_bytes`: the largest attachment that is accepted."""
        self._catalog = catalog
        self._storages = storages
        self.most_bytes = most_bytes

    async def attach(self, media_id: UUID, incoming: Incoming, *, replace: bool) -> tuple[Attachment, bool]:
        """Keep the file under its name; with `replace`, instead of an older one. True if there was an older one.

        Raises NotFound, InvalidRequest, TooLarge, Conflict, StorageError; then all is as before.
        """
        media = await self._catalog.medias.get(media_id)
        incoming.check(self.most_bytes)
        storage = await self._storages.of(media.storage)
        content, object_id = Checked(incoming, self.most_bytes), uuid4().hex
        key = keys.attachment(media_id, object_id)

        async def pieces() -> AsyncIterator[bytes]:
            """Ends normally only if the name is one, too, which a form may tell last."""
            async for piece in content.pieces():
                yield piece
            checked_name(incoming.file_name or "")

        await storage.write(key, pieces())
        attachment = Attachment(
            media_id=media_id,
            name=incoming.file_name or "",
            id=object_id,
            bytes=content.size,
            sha256=content.digest.hexdigest(),
        )
        try:
            before = await self._catalog.attachments.put(attachment, media.storage, replace=replace)
        except (NotFound, Conflict):  # after anything else, it may have been entered
            await _discard(storage, key)
            raise
        if before is not None:
            await _discard(storage, keys.attachment(media_id, before.id))
        return attachment, before is not None

    async def remove(self, media_id: UUID, name: str) -> None:
        """Remove an attachment. Raises NotFound."""
        media, removed = await self._catalog.attachments.remove(media_id, name)
        try:
            storage = await self._storages.of(media.storage)
        except StorageError as error:
            log.warning("an attachment of media %s is left in the storage: %s", media_id, error.message)
            return
        await _discard(storage, keys.attachment(media_id, removed.id))


def checked_name(name: str) -> str:
    """The name, if it is a file name. Raises InvalidRequest."""
    if name in ("", ".", "..") or file_names.clean(name) != name:
        raise InvalidRequest(
            "An attachment needs the name of a file, without folders and control characters: at most 255 characters.",
            fields={"file_name": "is not the name of a file"},
        )
    return name


async def _discard(storage: Storage, key: str) -> None:
    """Remove an object without a row; if that fails, it is removed with its media."""
    try:
        await storage.delete(key)
    except StorageError:
        log.exception("%s is left in the storage until its media is removed", key)
