"""An object read in blocks, by several readers at different places, which share what was read.

What ffmpeg does with a file fits no stream: it reads the beginning, looks at the end, comes back, and four probes of
one source do so side by side. A store would be asked for the same bytes each time, and answer with more than is read.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing

from gilfoyle.errors import StorageError
from gilfoyle.storage.base import Storage

BLOCK_BYTES = 1 << 20
MOST_AHEAD = 4
"""How many blocks one request brings to whoever reads on and on. It begins with one, since a seek may follow."""
KEPT = 16
"""How many blocks are kept, the last used ones."""


class Blocks:
    """An object of `size` bytes. `close` it."""

    def __init__(self, storage: Storage, key: str, size: int) -> None:
        self.size = size
        self._storage = storage
        self._key = key
        self._blocks: OrderedDict[int, asyncio.Future[bytes]] = OrderedDict()
        self._requests: dict[asyncio.Task[None], float] = {}

    async def read(self, start: int, end: int) -> AsyncIterator[memoryview]:
        """Bytes `[start, end)`, within the object. What follows is asked for while a piece is used.

        Raises StorageError.
        """
        ahead = 1
        index, skip = divmod(start, BLOCK_BYTES)
        last = -(-end // BLOCK_BYTES)
        while index < last:
            block = await asyncio.shield(self._asked(index, min(ahead, last - index)))
            piece = memoryview(block)[skip : end - index * BLOCK_BYTES]
            half = len(piece) // 2
            yield piece[:half]
            # Not before: whoever reads a header leaves again.
            ahead = min(2 * ahead, MOST_AHEAD)
            if index + 1 < last:
                self._asked(index + 1, min(ahead, last - index - 1))
            yield piece[half:]
            index, skip = index + 1, 0

    @property
    def waits_s(self) -> float:
        """How long the storage has had for what it was asked for (seconds); 0: it owes nothing."""
        return time.monotonic() - min(self._requests.values()) if self._requests else 0.0

    async def close(self) -> None:
        """End the requests that are under way, and whoever waits for one."""
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        for block in self._blocks.values():
            block.cancel()

    def _asked(self, index: int, count: int) -> asyncio.Future[bytes]:
        """The block of that number; if nobody has asked for it yet, it is, with those after it, `count` in all."""
        if index not in self._blocks:
            wanted = next((each for each in range(index, index + count) if each in self._blocks), index + count)
            for each in range(index, wanted):
                self._blocks[each] = asyncio.get_running_loop().create_future()
            request = asyncio.create_task(self._request(index, wanted))
            self._requests[request] = time.monotonic()
            request.add_done_callback(self._requests.pop)
        self._blocks.move_to_end(index)
        return self._blocks[index]

    async def _request(self, first: int, end: int) -> None:
        """Fetch those blocks. If that fails, whoever waits for one of them is told, and the next one asks again."""
        coming = iter([self._blocks[index] for index in range(first, end)])
        begin, stop = first * BLOCK_BYTES, min(end * BLOCK_BYTES, self.size)
        try:
            buffer, position = bytearray(), begin
            async with aclosing(self._storage.stream(self._key, begin, stop)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    buffer += piece
                    position += len(piece)
                    while len(buffer) >= BLOCK_BYTES or (buffer and position == stop):
                        next(coming).set_result(bytes(memoryview(buffer)[:BLOCK_BYTES]))
                        del buffer[:BLOCK_BYTES]
            if position != stop:
                raise StorageError(f"The object {self._key} can't be read: it ends at byte {position}, not {stop}.")
        except Exception as error:
            for index in range(first, end):
                future = self._blocks.get(index)
                if future is not None and not future.done():
                    del self._blocks[index]
                    self._fail(future, error)
        finally:
            self._forget()

    def _fail(self, future: asyncio.Future[bytes], error: Exception) -> None:
        fault = error
        if not isinstance(error, StorageError):  # of a package's own backend
            fault = StorageError(f"The object {self._key} can't be read: {type(error).__name__}.")
            fault.__cause__ = error
        future.set_exception(fault)
        future.exception()  # seen: it may be that nobody waits

    def _forget(self) -> None:
        for index in [*self._blocks][:-KEPT]:
            if self._blocks[index].done():
                del self._blocks[index]
