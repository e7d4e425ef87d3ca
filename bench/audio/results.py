"""Where beeps were, and how far off. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

AIM_MS = 10.0
# The first AAC frame of a stream fades in: its beep is not counted.
_FIRST_S = 0.5


@dataclass
class Heard:
    """Of one file: the worst offset of a beep in any rendition (ms, late is positive); None while nothing was heard."""

    container: str
    rate: int
    seconds: int
    worst_ms: float | None = None
    beeps: int = 0
    fault: str = ""
    """Why there is no offset, or which beeps are missing; empty: all are there."""

    def take(self, found: tuple[list[float], str]) -> None:
        """Note the offsets in one more rendition."""
        offsets_ms, fault = found
        self.fault = self.fault or fault
        self.beeps = max(self.beeps, len(offsets_ms))
        self.worst_ms = max([*offsets_ms, *([] if self.worst_ms is None else [self.worst_ms])], key=abs, default=None)

    @property
    def good(self) -> bool:
        return not self.fault and self.worst_ms is not None and abs(self.worst_ms) <= AIM_MS

    def __str__(self) -> str:
        if self.fault or self.worst_ms is None:
            return self.fault or "nothing was heard"
        return f"{self.worst_ms:+.1f} ms at worst, {self.beeps} beeps"


def offsets(wanted: Sequence[float], heard: Sequence[float]) -> tuple[list[float], str]:
    """By how much each beep is late (ms), and a sentence if there are more or less of them."""
    if len(wanted) != len(heard):
        return [], f"{len(heard)} beeps, not {len(wanted)}"
    pairs = zip(wanted, heard, strict=True)
    return [round(1000 * (at - place), 2) for place, at in pairs if place > _FIRST_S], ""


def summary(found: Sequence[Heard]) -> dict[str, Any]:
    """What is read first."""
    measured = [each for each in found if each.worst_ms is not None]
    worst = max(measured, key=lambda each: abs(each.worst_ms or 0), default=None)
    return {
        "worst_offset_ms": worst.worst_ms if worst else None,
        "worst_file": f"{worst.container} {worst.rate} {worst.seconds}s" if worst else None,
        "measured": len(measured),
        "beyond_aim": sum(not each.good for each in found),
    }
