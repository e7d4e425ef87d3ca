"""How far what is out at a time may be apart."""

from __future__ import annotations

import asyncio


class Window:
    """Of things in an order, those may begin that are less than `size` places behind the first that has not ended.

    So none is overtaken by more than that, though a queue may give what waits in it in any order.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._first = 0
        self._ended: set[int] = set()
        self._changed = asyncio.Condition()

    async def enter(self, place: int) -> None:
        """Wait until the thing at that place, counted from 0, may begin."""
        async with self._changed:
            await self._changed.wait_for(lambda: place < self._first + self._size)

    async def leave(self, place: int, *, widen: bool) -> None:
        """It has ended. `widen`: one more may be out from now on."""
        async with self._changed:
            self._ended.add(place)
            while self._first in self._ended:
                self._ended.remove(self._first)
                self._first += 1
            self._size += widen
            self._changed.notify_all()
