"""Pictures as the judge remembers them: 64 mean brightnesses and a mean colour each, so that hours fit in memory.

The fingerprint is of the whole picture as it is shown: in the shape of the stream, with bars where it does not fit. Two
encodings of a picture differ by less than 2 of 255 on average; another picture differs by more, unless nothing moves.
"""

from __future__ import annotations

from array import array
from operator import sub

COLUMNS, ROWS = 16, 4
CELLS = COLUMNS * ROWS
PICTURE_BYTES = CELLS * 3
"""Of a picture as it is decoded for the judge: 16×4 pixels of RGB."""

_BLACK = 24
"""The mean brightness that passes for black, with what an encoder makes of it."""


class Pictures:
    """A stream of pictures in the order in which a decoder gives them. Times in seconds.

    `late`: so much later than they are shown they are stamped.
    """

    def __init__(self, late: float = 0.0) -> None:
        self._late = late
        self.times = array("d")
        self.lengths = array("d")
        self.packets_end = 0.0
        """As of sound.Levels."""
        self._prints = bytearray()
        self._colours = array("H")

    def __len__(self) -> int:
        return min(len(self.times), len(self._prints) // CELLS)

    def show(self, rgb: bytes) -> None:
        """The next picture, of PICTURE_BYTES."""
        red, green, blue = rgb[0::3], rgb[1::3], rgb[2::3]
        self._prints += bytes([(3 * r + 6 * g + b) // 10 for r, g, b in zip(red, green, blue, strict=True)])
        self._colours.extend((sum(red), sum(green), sum(blue)))

    def stamp(self, at: float, length: float) -> None:
        """When the next picture is shown, and for how long if the container says so (0: it does not)."""
        self.times.append(at - self._late)
        self.lengths.append(length)

    def stamp_again(self, length: float) -> None:
        """The next picture has no stamp: it is shown with the one before."""
        self.times.append(self.times[-1] if len(self.times) else 0.0)
        self.lengths.append(length)

    def print(self, index: int) -> bytes:
        """The fingerprint of a picture."""
        return bytes(self._prints[index * CELLS : (index + 1) * CELLS])

    def colour(self, index: int) -> tuple[float, float, float]:
        """The mean red, green and blue of a picture, 0 to 255."""
        red, green, blue = self._colours[index * 3 : index * 3 + 3]
        return red / CELLS, green / CELLS, blue / CELLS

    def is_black(self, index: int) -> bool:
        """Whether nothing is seen."""
        return max(self.print(index)) <= _BLACK

    @property
    def end(self) -> float:
        """When the last picture ends: by its own length, or that of the one before."""
        if not len(self):
            return 0.0
        last = len(self) - 1
        usual = self.times[last] - self.times[last - 1] if last else 0.0
        return self.times[last] + (self.lengths[last] or max(usual, 0.0))


def distance(one: bytes, other: bytes) -> float:
    """How much two fingerprints differ: the mean difference of brightness, 0 to 255."""
    return float(sum(map(abs, map(sub, one, other)))) / CELLS


def evened(fingerprint: bytes) -> bytes:
    """The fingerprint with mean 128 and a spread of its own taken out, for pictures whose light was mapped to another.

    What was HDR is shown darker or brighter than it is stored, but what is brighter in it stays brighter.
    """
    mean = sum(fingerprint) / CELLS
    spread = sum(abs(cell - mean) for cell in fingerprint) / CELLS
    if spread < 1:
        return bytes([128]) * CELLS
    return bytes([min(255, max(0, round(128 + (cell - mean) * 32 / spread))) for cell in fingerprint])
