"""Which segments of a rendition are stored. The storage is the only record: nothing else can disagree with it.

Where its list and its look-up by name disagree, `unlisted` repairs that.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gilfoyle.errors import ObjectNotFound
from gilfoyle.storage import Storage, WritesNew, keys


@dataclass(frozen=True)
class StoredRendition:
    """`sizes`: bytes of each stored media segment, by index."""

    has_init: bool
    sizes: dict[int, int]

    def first_missing(self, start: int, end: int) -> int:
        """The first of segments `[start, end)` that is not stored; `end` if all are."""
        if not self.has_init:
            return start
        return next((index for index in range(start, end) if index not in self.sizes), end)

    @property
    def prefix(self) -> list[int]:
        """The sizes of the segments from the first on, up to the first gap: what a playlist can list."""
        return [self.sizes[index] for index in range(self.first_missing(0, len(self.sizes)))]


async def stored_rendition(storage: Storage, media_id: UUID, encoding: int, rendition: str) -> StoredRendition:
    """Look a rendition up in the storage. Raises StorageError."""
    sizes: dict[int, int] = {}
    has_init = False
    async for item in storage.list(keys.rendition_prefix(media_id, encoding, rendition)):
        index = keys.segment_index(item.key)
        if index is not None:
            sizes[index] = item.size
        has_init = has_init or item.key.endswith(f"/{keys.INIT_NAME}")
    return StoredRendition(has_init, sizes)


async def first_missing(storage: Storage, media_id: UUID, encoding: int, rendition: str, start: int, end: int) -> int:
    """The first of segments `[start, end)` of a rendition that is not stored; `end` if all are. Raises StorageError.

    Most passes find nothing stored, and only ask for their first segment: listing takes longer with each pass of a long
    media, and with ten hours it took most of the workers' time.
    """
    key = f"{keys.rendition_prefix(media_id, encoding, rendition)}/{keys.segment_name(start)}"
    if start < end and not await is_stored(storage, key):
        return start
    return (await stored_rendition(storage, media_id, encoding, rendition)).first_missing(start, end)


async def is_stored(storage: Storage, key: str) -> bool:
    """Whether there is such an object. Raises StorageError."""
    try:
        await storage.stat(key)
    except ObjectNotFound:
        return False
    return True


async def store_new(storage: Storage, key: str, data: bytes) -> bool:
    """Store an object unless it exists: what players and caches have seen never changes. True if it was stored.

    Raises StorageError.
    """
    if isinstance(storage, WritesNew):
        return await storage.write_new(key, data)
    if await is_stored(storage, key):
        return False
    await storage.write(key, data)
    return True
