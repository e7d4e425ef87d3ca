"""From one of ffmpeg's pipes to the storage: each segment is stored as soon as its last byte is out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from gilfoyle.errors import EncodeFailed
from gilfoyle.ffmpeg.encode import Cut
from gilfoyle.media.boxes import find
from gilfoyle.media.cmaf import Segment, Splitter
from gilfoyle.media.codecs import decoder_config
from gilfoyle.storage import Storage, keys
from gilfoyle.storage.stored import store_new

_READ = 1 << 18
# One segment is stored while the next is made; more would only be memory.
_QUEUED = 1


class RenditionSink:
    """Stores what a rendition's splitter finds, from segment `first` on.

    `on_stored` is called with the index of each stored segment.
    """

    def __init__(
        self,
        storage: Storage,
        media_id: UUID,
        encoding: int,
        rendition: str,
        first: int,
        splitter: Splitter,
        on_stored: Callable[[int], Awaitable[None]],
    ) -> None:
        self._storage = storage
        self._prefix = keys.rendition_prefix(media_id, encoding, rendition)
        self._splitter = splitter
        self._on_stored = on_stored
        self._has_init = False
        self._grown = asyncio.Event()
        self.making = first
        """The segment of which a part is there."""
        self.missing = first
        """The first segment that is not stored."""

    async def stored(self, segment: int) -> None:
        """Wait until that segment is stored, and all before it."""
        while self.missing <= segment:
            await self._grown.wait()

    async def consume(self, reader: asyncio.StreamReader) -> None:
        """Read ffmpeg's output to its end. Raises FragmentError if it is not whole, StorageError, EncodeFailed.

        And Cut, once all whole segments of an output that was cut are stored.
        """
        queue: asyncio.Queue[Segment | None] = asyncio.Queue(_QUEUED)
        storing = asyncio.create_task(self._store_all(queue))
        try:
            while data := await reader.read(_READ):
                for segment in self._splitter.feed(data):
                    self.making = segment.index + 1
                    await self._store_init()
                    await _put(queue, segment, storing)
                await self._store_init()
            for segment in self._splitter.finish():
                await _put(queue, segment, storing)
            await _put(queue, None, storing)
            await storing
        except Cut:
            await _put(queue, None, storing)
            await storing
            raise
        finally:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)

    async def _store_all(self, queue: asyncio.Queue[Segment | None]) -> None:
        while (segment := await queue.get()) is not None:
            key = f"{self._prefix}/{keys.segment_name(segment.index)}"
            await store_new(self._storage, key, segment.data)  # after a gap there may be more
            self.missing = segment.index + 1
            self._grown.set()
            self._grown = asyncio.Event()
            await self._on_stored(segment.index)

    async def _store_init(self) -> None:
        """Store the init segment, before any media segment. All chunks have the same; the first is kept.

        Raises EncodeFailed if this one describes another decoder: the chunks would not play as one rendition.
        """
        init = self._splitter.init
        if init is None or self._has_init:
            return
        self._has_init = True
        key = f"{self._prefix}/{keys.INIT_NAME}"
        if await store_new(self._storage, key, init):
            return
        if _essence(await self._storage.read(key)) != _essence(init):
            raise EncodeFailed(
                "This chunk's decoder configuration differs from the stored one: the encoder was changed on the way."
            )


async def _put(queue: asyncio.Queue[Segment | None], item: Segment | None, storing: asyncio.Task[None]) -> None:
    """Hand a segment to the storing task, or raise its error instead of waiting for ever."""
    putting = asyncio.ensure_future(queue.put(item))
    await asyncio.wait([putting, storing], return_when=asyncio.FIRST_COMPLETED)
    if not putting.done():
        putting.cancel()
        storing.result()


def _essence(init: bytes) -> tuple[object, ...]:
    """What must be equal in all chunks: the decoder's configuration and the edit list."""
    edit = find(init, b"moov", b"trak", b"edts")
    return decoder_config(init), edit and init[edit[0] : edit[1]]
