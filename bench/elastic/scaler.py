"""How many workers there should be, by how many passes there are to do. Pure.

As KEDA and the HorizontalPodAutoscaler do it with deploy/kubernetes/components/keda: for what there is to do on
average, and at once for what must not wait; up at once, and down to the most that was wanted within a window, a quarter
of them at a time (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/). The day of the benchmark
is squeezed, so its times are shorter.
"""

from __future__ import annotations

import math
from collections import deque

AVERAGE_S = 6.0
"""Over how long it averages what there is to do (seconds); 180 in the cluster."""
WINDOW_S = 4.0
"""For how long fewer must have been enough (seconds); 120 in the cluster."""
STEP_S = 1.0
"""How long after one step down the next one comes (seconds); 30 in the cluster."""
STEP = 0.25
"""Which part of the workers goes in one."""
LOOK_S = 1.0
"""How often it looks (seconds); 5 in the cluster."""


class Scaler:
    """Of workers with `slots` passes each, at most `most` of them."""

    def __init__(self, slots: int, most: int) -> None:
        self._slots, self._most = slots, most
        self._passes: deque[tuple[float, int]] = deque()
        self._wanted: deque[tuple[float, int]] = deque()
        self._stepped = -math.inf

    def workers(self, now: float, passes: int, urgent: int, current: int) -> int:
        """How many there should be. `now` in seconds.

        `passes`: how many wait or run; `urgent`: those of them that run, or that viewers wait for.
        """
        _add(self._passes, now, passes, AVERAGE_S)
        # The time before the first look counts, too: nothing was to be done then.
        average = sum(each for _, each in self._passes) / max(len(self._passes), AVERAGE_S / LOOK_S)
        wanted = min(self._most, math.ceil(max(average, urgent) / self._slots))
        _add(self._wanted, now, wanted, WINDOW_S)
        if wanted >= current:
            return wanted
        lowest = max(each for _, each in self._wanted)
        if lowest >= current or now - self._stepped < STEP_S:
            return current
        self._stepped = now
        return max(lowest, current - max(1, math.ceil(current * STEP)))


def _add(seen: deque[tuple[float, int]], now: float, number: int, keep_s: float) -> None:
    seen.append((now, number))
    while seen[0][0] <= now - keep_s:
        seen.popleft()
