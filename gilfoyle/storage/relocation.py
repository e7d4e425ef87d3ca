"""Moving one media between two backends: the copy, and the checks before the catalog switches to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gilfoyle.catalog import Media, MediaStatus
from gilfoyle.errors import ObjectNotFound
from gilfoyle.storage import ContentAddressed, ObjectInfo, Storage, keys
from gilfoyle.storage.copying import CopyMark, copy_folder, prune


class Refused(Exception):
    """The media must stay where it is; the message says why."""


class Relocation:
    """`media` as it was when the move of it began."""

    def __init__(self, media: Media, source: Storage, target: Storage) -> None:
        self._media, self._source, self._target = media, source, target
        self._prefix = keys.media_prefix(media.id)

    async def copy(self, resume_after: str, progress: Callable[[CopyMark], None]) -> dict[str, ObjectInfo]:
        """Copy every object; returns them as the old backend lists them.

        Raises Damaged, StorageError.
        """
        source_key = keys.source(self._media.id, self._media.upload)
        known = self._media.source_sha256
        return await copy_folder(
            self._source,
            self._target,
            self._prefix,
            expected={source_key: known} if known else {},
            resume_after=resume_after,
            progress=progress,
        )

    async def complete(self, objects: Mapping[str, ObjectInfo]) -> str | None:
        """Remove anything else from the new place, and pin the media in IPFS; returns the CID of the served encoding.

        Raises Refused if the old backend has lost what belongs to the media, StorageError.
        """
        await self._check_whole(objects)
        await prune(self._target, self._prefix, objects)
        target = self._target
        if not isinstance(target, ContentAddressed):
            return None
        cids = {}
        async for name in target.folders(self._prefix):
            if name in (keys.TEXTS, keys.ATTACHMENTS):
                continue  # what changes is never pinned: the node keeps what lies in its folders
            folder = f"{self._prefix}/{name}"
            cids[folder] = await target.cid(folder)
            await target.pin(cids[folder], folder)
        return cids.get(keys.encoding_prefix(self._media.id, self._media.encoding))

    async def _check_whole(self, objects: Mapping[str, ObjectInfo]) -> None:
        """An old backend that has lost its objects, or a disk that isn't mounted, must not pass for an empty media."""
        deleted = self._media.source_deleted_at is not None
        wanted = [] if deleted else [keys.source(self._media.id, self._media.upload)]
        if self._media.status == MediaStatus.READY:
            wanted.append(keys.master_playlist(self._media.id, self._media.encoding))
        for key in wanted:
            if key in objects:
                continue
            try:
                await self._source.stat(key)  # raises StorageError if it is the backend that is away
            except ObjectNotFound as error:
                if self._media.status != MediaStatus.READY:
                    continue  # the source of what is no media is not kept
                raise Refused(f"{key} is missing in {self._media.storage}.") from error
