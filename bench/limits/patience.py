"""How long something may make no progress before it is given up."""

from __future__ import annotations

import time
from collections.abc import Callable

from gilfoyle.errors import EncodeFailed

PATIENCE_S = 600.0
"""Progress is told of what has no gap: passes that end out of order add nothing to it for a while."""


class Patience:
    """Told again and again how far it is; `clock` gives seconds."""

    def __init__(self, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s, self._clock = patience_s, clock
        self._most, self._since = float("-inf"), clock()

    def note(self, progress: float, sentence: str) -> None:
        """Raises EncodeFailed, with what the sentence says it has come to, if it has stood still for too long."""
        now = self._clock()
        if progress > self._most:
            self._most, self._since = progress, now
        elif now - self._since > self._patience_s:
            raise EncodeFailed(f"Nothing has gone on for {self._patience_s:.0f} s: {sentence}")
