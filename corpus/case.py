"""One file of the corpus: how it is made, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.maker import Maker

Make = Callable[[Maker, Path], object]


@dataclass(frozen=True)
class Case:
    """`name` is the file's, and says how it is made where that is by its ending."""

    name: str
    make: Make
    sent_as: str = "video"
    """What the client says: `video` or `audio`."""
    error: str | None = None
    """The code of the error that it deserves; None: it must become Ready."""
    numbers: Sequence[int] | None = None
    """The numbers that are seen, in order, each once or held; None: they are not read, only verified."""
    frames: int | None = None
    """Frames of every video rendition; 0: there must be no video; None: whatever fits."""
    length: float | None = None
    """Seconds."""
    beeps: Sequence[float] | None = None
    """When a beep begins, in seconds of the stream; empty: there is no audio at all; None: they are not sought."""
    verified: bool = True
    """The judge can tell whether it is right, and must find that it is."""
    fast: bool = False
    """Among those that `make test` runs."""

    def __str__(self) -> str:
        return self.name


def whole(
    name: str, make: Make, seconds: int = 6, *, frames: bool = True, beeps: bool = True, fast: bool = False
) -> Case:
    """A film of 25 frames a second and a beep in each, of which all must be there.

    Without `frames` they may be held as the stream's rate asks; without `beeps` none is sought.
    """
    numbers = range(25 * seconds)
    heard = tuple(map(float, range(seconds))) if beeps else None
    return Case(
        name, make, numbers=numbers, frames=len(numbers) if frames else None, length=seconds, beeps=heard, fast=fast
    )


def heard(
    name: str, make: Make, seconds: int = 9, *, late: float = 0.0, sent_as: str = "audio", fast: bool = False
) -> Case:
    """Audio only, of which all must be there. `late`: by how much its codec makes it late by itself (seconds)."""
    beeps = tuple(second + late for second in range(seconds))
    return Case(name, make, sent_as, frames=0, length=seconds, beeps=beeps, fast=fast)
