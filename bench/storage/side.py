"""What both sides can do, how much of it is done, and the job that one of them is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bench.storage.data import SEGMENT_BYTES
from gilfoyle.config import StorageSettings

IN_FLIGHT = 8
"""Segments that are written or read at once."""

SMALL_MIB = 16
"""The object whose memory the large one's is held against."""

Who = Literal["ours", "bare"]
Work = Literal["object", "segments"]


@dataclass(frozen=True)
class Sizes:
    """How much is stored: one object, and so many segments."""

    object_mib: int
    segments: int

    @property
    def object_bytes(self) -> int:
        return self.object_mib << 20

    @property
    def segments_bytes(self) -> int:
        """Of all segments."""
        return self.segments * SEGMENT_BYTES

    @property
    def disk_bytes(self) -> int:
        """What is on the disk at most: what each side made of everything, and one source; servers add their own."""
        stored = 2 * (self.object_bytes + self.segments_bytes) + max(self.object_bytes, self.segments_bytes)
        return round(1.1 * stored) + (3 * SMALL_MIB << 20)


class Side(Protocol):
    """A backend of ours, or a bare tool. Ready when it is made: connected, and warm."""

    def put_object(self, source: Path) -> None:
        """Store the file, as safely as the backend does."""
        ...

    def get_object(self) -> int:
        """Read what `put_object` stored, and throw it away. Returns how many bytes there were, if known, else 0."""
        ...

    def put_segments(self, folder: Path) -> None:
        """Store every file of the folder."""
        ...

    def get_segments(self) -> int:
        """Read what `put_segments` stored, and throw it away. Returns how many bytes there were, if known, else 0."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True)
class Job:
    """One side, one piece of work: it is stored, then read."""

    who: Who
    work: Work
    settings: StorageSettings
    """The backend is `driver`; a bare tool uses the same server."""
    source: Path
    """The file, or the folder of segments."""
    size: int
    """Bytes in all."""
