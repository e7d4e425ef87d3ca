"""Frames as the judge stores them: 64 brightness values and a mean colour each, so that hours fit in memory.

The 64 values are the fingerprint of the whole frame as it is shown: in the shape of the stream, with bars where needed.
Two encodings of one frame differ by less than 2 of 255 on average; different frames by more, unless nothing moves.
"""

from __future__ import annotations

from array import array
from operator import sub

COLUMNS, ROWS = 16, 4
CELLS = COLUMNS * ROWS
FRAME_BYTES = CELLS * 3
"""Of a frame as it is decoded for the judge: 16×4 pixels of RGB."""

_NEARLY_S = 0.005
_BLACK = 24
"""The mean brightness that passes for black, with what an encoder makes of it."""


class Frames:
    """A stream of frames, in decoder output order. Times in seconds.

    `late`: how much later than their display time the frames are stamped.
    """

    def __init__(self, late: float = 0.0) -> None:
        self._late = late
        self.times = array("d")
        self.lengths = array("d")
        self.packets_end = 0.0
        """When the last packet ends, decodable or not (seconds); 0 if unknown."""
        self._prints = bytearray()
        self._colours = array("H")

    def __len__(self) -> int:
        return min(len(self.times), len(self._prints) // CELLS)

    def show(self, rgb: bytes) -> None:
        """The next frame, of FRAME_BYTES."""
        red, green, blue = rgb[0::3], rgb[1::3], rgb[2::3]
        self._prints += bytes([(3 * r + 6 * g + b) // 10 for r, g, b in zip(red, green, blue, strict=True)])
        self._colours.extend((sum(red), sum(green), sum(blue)))

    def stamp(self, at: float, length: float) -> None:
        """Set when the next frame is shown, and for how long (0 if the container does not say)."""
        self.times.append(at - self._late)
        self.lengths.append(length)

    def stamp_again(self, length: float) -> None:
        """The next frame has no stamp: it gets that of the frame before."""
        self.times.append(self.times[-1] if len(self.times) else 0.0)
        self.lengths.append(length)

    def print(self, index: int) -> bytes:
        """The fingerprint of a frame."""
        return bytes(self._prints[index * CELLS : (index + 1) * CELLS])

    def colour(self, index: int) -> tuple[float, float, float]:
        """The mean red, green and blue of a frame, 0 to 255."""
        red, green, blue = self._colours[index * 3 : index * 3 + 3]
        return red / CELLS, green / CELLS, blue / CELLS

    def is_black(self, index: int) -> bool:
        """Whether the frame is black."""
        return max(self.print(index)) <= _BLACK

    def between(self, start: float, end: float) -> Frames:
        """The frames that begin in `[start, end)`. The frame on screen at `start` begins there."""
        chosen = [at for at in range(len(self)) if start <= self.times[at] + _NEARLY_S < end]
        before = [at for at in range(len(self)) if self.times[at] + _NEARLY_S < start]
        if before and (not chosen or self.times[chosen[0]] - start > _NEARLY_S):
            chosen.insert(0, before[-1])
        found = Frames()
        for at in chosen:
            found.times.append(max(self.times[at], start))
            found.lengths.append(max(0.0, min(self.lengths[at], end - found.times[-1])))
            found._prints += self.print(at)
            found._colours.extend(self._colours[at * 3 : at * 3 + 3])
        return found

    @property
    def end(self) -> float:
        """When the last frame ends: by its own length, or that of the one before."""
        if not len(self):
            return 0.0
        last = len(self) - 1
        usual = self.times[last] - self.times[last - 1] if last else 0.0
        return self.times[last] + (self.lengths[last] or max(usual, 0.0))


def distance(one: bytes, other: bytes) -> float:
    """The mean difference of brightness between two fingerprints, 0 to 255."""
    return float(sum(map(abs, map(sub, one, other)))) / CELLS


def evened(fingerprint: bytes) -> bytes:
    """The fingerprint with its mean and spread normalised, for frames that were tone mapped.

    Tone mapping changes how bright a part is, but not which part is brighter.
    """
    mean = sum(fingerprint) / CELLS
    spread = sum(abs(cell - mean) for cell in fingerprint) / CELLS
    if spread < 1:
        return bytes([128]) * CELLS
    return bytes([min(255, max(0, round(128 + (cell - mean) * 32 / spread))) for cell in fingerprint])
