"""When to repeat a request to a store that failed: growing pauses, for as long as `patience_s` says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

LONGEST_PAUSE_S = 5.0


class Patience:
    """When to try again: growing pauses with jitter, for `seconds` after the first failure."""

    def __init__(self, seconds: float, first_pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end: float | None = None
        self._pause = first_pause_s

    def pause(self) -> float | None:
        """How long to wait after a failure, in seconds; None: no longer. The last attempt is at the very end."""
        now = self._clock()
        if self._end is None:
            self._end = now + self._seconds
        if now >= self._end:
            return None
        pause = self._pause * random.uniform(0.5, 1)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        return min(pause, self._end - now)
