"""What of a rendition is in the storage. The storage is the only record of it: nothing else can disagree with it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gilfoyle.storage import Storage, keys


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
