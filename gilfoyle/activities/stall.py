"""Notices an ffmpeg that runs but does not get on.

It reports its progress even while it hangs, so what counts is whether anything changes: what it says that it has
encoded, or what comes out of its pipes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LOOKS = 20
"""How often within the limit it is looked at."""


class Stall:
    """The clock of one ffmpeg with several outputs. `limit_s`: how long nothing may change, in seconds."""

    def __init__(self, limit_s: float, outputs: int) -> None:
        self.limit_s = limit_s
        self._outputs = outputs
        self._waiting = 0
        self._frame = ""
        self._moved = time.monotonic()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Somebody waits for one of the outputs. While another one is busy storing, ffmpeg can't be blamed."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self._moved = time.monotonic()

    def progress(self, block: dict[str, str]) -> None:
        """What ffmpeg says of itself."""
        done = f"{block.get('frame')} {block.get('out_time')}"
        if done != self._frame:
            self._frame, self._moved = done, time.monotonic()

    async def noticed(self) -> None:
        """Returns once nothing has changed for too long."""
        while time.monotonic() - self._moved < self.limit_s:
            await asyncio.sleep(self.limit_s / _LOOKS)
            if self._waiting < self._outputs:
                self._moved = time.monotonic()
