"""How many workers there should be, by how many passes there are to do. Pure.

As the HorizontalPodAutoscaler does it with deploy/kubernetes/components/keda: up at once, and down to the most that was
wanted within a window, a quarter of them at a time
(https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/). The day of the benchmark is squeezed, so
its times are shorter.
"""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 10.0
"""For how long fewer must have been enough (seconds); 300 in the cluster."""
STEP_S = 2.0
"""How long after one step down the next one comes (seconds); 60 in the cluster."""
STEP = 0.25
"""Which part of the workers goes in one."""


class Scaler:
    """Of workers with `slots` passes each, at most `most` of them."""

    def __init__(self, slots: int, most: int) -> None:
        self._slots, self._most = slots, most
        self._wanted: deque[tuple[float, int]] = deque()
        self._stepped = -math.inf

    def workers(self, now: float, demand: int, current: int) -> int:
        """How many there should be. `demand`: passes that wait, run or are held back; `now` in seconds."""
        wanted = min(self._most, math.ceil(demand / self._slots))
        self._wanted.append((now, wanted))
        while self._wanted[0][0] <= now - WINDOW_S:
            self._wanted.popleft()
        if wanted >= current:
            return wanted
        lowest = max(each for _, each in self._wanted)
        if lowest >= current or now - self._stepped < STEP_S:
            return current
        self._stepped = now
        return max(lowest, current - max(1, math.ceil(current * STEP)))
