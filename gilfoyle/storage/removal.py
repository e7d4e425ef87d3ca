"""Removing what a media has in a storage. In IPFS its pins go too, unless another media has the same content."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from gilfoyle.catalog import Catalog
from gilfoyle.errors import NotFound, ObjectNotFound
from gilfoyle.storage import ContentAddressed, Resumable, Storage, keys


async def remove(storage: Storage, catalog: Catalog, media_id: UUID, encoding: int | None = None) -> int:
    """Remove one encoding, or with None all of the media; returns how many objects there were.

    Can run twice. Raises StorageError.
    """
    prefix = keys.media_prefix(media_id) if encoding is None else keys.encoding_prefix(media_id, encoding)
    if not isinstance(storage, ContentAddressed):
        return await storage.delete_prefix(prefix)
    folders = [prefix] if encoding is not None else [f"{prefix}/{name}" async for name in storage.folders(prefix)]
    cids = set()
    for folder in folders:
        with suppress(ObjectNotFound):
            cids.add(await storage.cid(folder))
    if encoding is None:
        # Where a retry has written into the folder, what is pinned is what it was before.
        with suppress(NotFound):
            cids.add((await catalog.medias.source(media_id)).cid or "")
    # Unpinned before they are removed: an attempt that comes later could not find out any more what to unpin.
    for cid in sorted(cids - {""}):
        await unpin(storage, catalog, cid, media_id, encoding)
    return await storage.delete_prefix(prefix)


async def unpin(
    storage: ContentAddressed, catalog: Catalog, cid: str, media_id: UUID, encoding: int | None = None
) -> None:
    """Unpin a CID of the media, or of one of its encodings, unless something else has the same. Can run twice.

    The same file, encoded twice, has one CID and one pin. Raises StorageError.
    """
    if not await catalog.medias.shares_cid(cid, media_id, encoding):
        await storage.unpin(cid)


async def drop(storage: Storage, source_key: str) -> None:
    """Drop what has arrived of a source that no media has yet. Can run twice. Raises StorageError."""
    if isinstance(storage, Resumable):
        await storage.abort(source_key)
    await storage.delete(keys.unchecked(source_key))
