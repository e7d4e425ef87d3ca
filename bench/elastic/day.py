"""When uploads come in the course of a day: few at night, most in the evening. Pure."""

from __future__ import annotations

import math

_STEPS = 1000
# By night there is a tenth of what there is at noon; in the evening nearly twice as much as at noon.
_NIGHT, _NOON, _EVENING = 0.1, 1.0, 0.9


def rate(hour: float) -> float:
    """How many come at that hour of the day (0 to 24), as a multiple of some number."""
    noon = _NOON * math.exp(-(((hour - 12) / 4) ** 2))
    evening = _EVENING * math.exp(-(((hour - 19.5) / 2) ** 2))
    return _NIGHT + noon + evening


def arrivals(count: int) -> list[float]:
    """When each of so many comes, as a share of the day: evenly between, had all hours the same rate."""
    total = sum(rate(24 * (step + 0.5) / _STEPS) for step in range(_STEPS))
    found: list[float] = []
    passed = 0.0
    for step in range(_STEPS):
        passed += rate(24 * (step + 0.5) / _STEPS) / total
        while len(found) < count and passed >= (len(found) + 0.5) / count:
            found.append((step + 0.5) / _STEPS)
    return found
