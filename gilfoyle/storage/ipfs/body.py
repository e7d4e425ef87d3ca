"""A request body that a thread sends and a coroutine provides, with back-pressure and little memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from queue import SimpleQueue

from gilfoyle.storage.base import CHUNK_BYTES

AHEAD = 4
"""Pieces of CHUNK_BYTES that may wait to be sent."""


class Body:
    """Filled by `feed` in the event loop, iterated in a thread."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes that were fed."""
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._room = asyncio.Semaphore(AHEAD)
        self._wanted = True

    async def feed(self, data: AsyncIterator[bytes]) -> None:
        """Hand over everything. Returns early when nobody reads any more; raises what `data` raises."""
        buffer = bytearray()
        async for piece in data:
            if len(piece) == CHUNK_BYTES and not buffer:
                await self._put(piece)  # each copy of it would be time that Kubo lacks, on the same cores
            else:
                buffer += piece
            while len(buffer) >= CHUNK_BYTES:
                await self._put(bytes(memoryview(buffer)[:CHUNK_BYTES]))
                del buffer[:CHUNK_BYTES]
            if not self._wanted:
                return
        if buffer:
            await self._put(bytes(buffer))
        self._queue.put(None)

    def abort(self) -> None:
        """End the body where it is. Whoever sends it must then remove what Kubo took for a whole file.

        A connection that breaks is no better an end: Kubo's chunker takes it for the end of the file as well
        (`io.ErrUnexpectedEOF` in boxo's `sizeSplitterv2`), and may name the file long after the client has gone.
        """
        self._queue.put(None)

    def unwanted(self) -> None:
        """Nobody will read any more."""
        self._wanted = False
        self._room.release()

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._queue.get()) is not None:
            yield piece
            self._loop.call_soon_threadsafe(self._room.release)

    async def _put(self, piece: bytes) -> None:
        await self._room.acquire()
        if self._wanted:
            self.size += len(piece)
            self._queue.put(piece)
