"""What the steps of one check share: the backend, the folder of its own, and what earlier steps have found."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import uuid4

import httpx

from gilfoyle.config import StorageSettings
from gilfoyle.errors import GilfoyleError
from gilfoyle.storage import keys
from gilfoyle.storage.base import ObjectInfo, Storage, Unfinished

Prober = Callable[[Storage, str], Awaitable[None]]
"""Lets ffprobe open an object; raises CheckFailed with what it says, or Skip where there is no ffprobe."""

_USUAL_BYTES = 20 << 20
_PIECE_BYTES = 1 << 18
# A prime number, so that the noise repeats at no round offset: a range from a wrong place is noticed.
_NOISE_BYTES = 1_000_003
_WAVE = struct.Struct("<4sI4s4sIHHIIHH4sI")
_RATE = 48_000


class Sample:
    """The content of the large object: noise, after the header of a WAVE file, so that ffprobe can read it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._noise = os.urandom(_NOISE_BYTES)
        frame = 4  # 16 bit, two channels
        format_ = (1, 2, _RATE, frame * _RATE, frame, 16)
        rest = size - _WAVE.size
        self._head = _WAVE.pack(b"RIFF", rest + 36, b"WAVE", b"fmt ", 16, *format_, b"data", rest)

    def cut(self, start: int, end: int) -> bytes:
        """Bytes `[start, end)`."""
        end = min(end, self.size)
        parts = [self._head[start:end]]
        at = max(start, len(self._head))
        while at < end:
            offset = at % _NOISE_BYTES
            parts.append(self._noise[offset : offset + end - at])
            at += len(parts[-1])
        return b"".join(parts)

    def pieces(self) -> list[tuple[int, int]]:
        """The ranges in which it is sent."""
        return [(start, min(start + _PIECE_BYTES, self.size)) for start in range(0, self.size, _PIECE_BYTES)]


@dataclass
class Trial:
    """A check that is under way. Everything it stores lies in `folder`, named by a UUID as a media is."""

    settings: StorageSettings
    driver: str
    http: httpx.AsyncClient
    probe: Prober | None = None
    origins: Sequence[str] = ()
    """Web origins that players come from."""
    now: Callable[[], float] = time.time
    folder: str = field(default_factory=lambda: str(uuid4()))
    opened: Storage | None = None
    stored: bool = False
    """Whether something may have been stored."""
    written: ObjectInfo | None = None
    """The small object, as it was written last."""
    half_written: list[Unfinished] = field(default_factory=list)
    """What `unfinished` told of the large write while it was under way."""
    unfinished_fault: GilfoyleError | None = None
    dates: list[float] = field(default_factory=list)
    """By how many seconds each clock that was met is ahead of ours."""

    @property
    def storage(self) -> Storage:
        """The backend; there is one once the first step has passed."""
        assert self.opened is not None
        return self.opened

    @property
    def playlist(self) -> str:
        """Key of the small object, which is overwritten."""
        return keys.master_playlist(self.folder, 1)

    @property
    def old(self) -> bytes:
        """Its content at first. Of this check alone: stores that share equal content have none of it yet."""
        return f"#EXTM3U\n# {self.folder}, old\n".encode()

    @property
    def new(self) -> bytes:
        """Its content after that."""
        return f"#EXTM3U\n# {self.folder}, new\n".encode()

    @property
    def segment(self) -> str:
        """Key of the object that a player fetches."""
        return f"{keys.rendition_prefix(self.folder, 1, '360p')}/{keys.segment_name(0)}"

    @property
    def source(self) -> str:
        """Key of the large object."""
        return keys.source(self.folder)

    @cached_property
    def sample(self) -> Sample:
        """The large object: on S3 more than one part of a multipart upload."""
        part = self.settings.s3.part_mb << 20
        return Sample(part + (1 << 20) if self.driver == "s3" else _USUAL_BYTES)
