"""ISO base media file format boxes (ISO/IEC 14496-12): taken from a stream, found in one another, written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

VIDEO_ENTRY, AUDIO_ENTRY = 78, 28
"""Bytes of a sample entry before its boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3)."""

# A box of ffmpeg's fragmented output is one GOP at most. More means that the stream is not what it should be.
MAX_BOX = 512 * 2**20


class Box(NamedTuple):
    """A whole box. `start` is where its payload begins in `data`."""

    kind: bytes
    data: bytes
    start: int

    @property
    def payload(self) -> bytes:
        """What the box holds, without its header."""
        return self.data[self.start :]


class BoxReader:
    """Cuts a stream of bytes, fed in any pieces, into top-level boxes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Box]:
        """The boxes that are whole now. Raises ValueError if the bytes are not boxes."""
        self._buffer += data
        while len(self._buffer) >= 8:
            size, kind, start = _header(self._buffer)
            if size == 1 and len(self._buffer) < 16:
                return  # Its 64-bit size is still to come.
            if size < start or size > MAX_BOX:
                raise ValueError(f"a box {kind!r} of {size} bytes")
            if len(self._buffer) < size:
                return
            box = bytes(self._buffer[:size])
            del self._buffer[:size]
            yield Box(kind, box, start)

    @property
    def rest(self) -> int:
        """Bytes of a box that has not ended."""
        return len(self._buffer)


def children(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in `data[start:]` as (kind, first byte of the payload, end)."""
    while start + 8 <= len(data):
        size, kind, header = _header(data, start)
        if size < header or start + size > len(data):
            raise ValueError(f"a box {kind!r} reaches beyond the one it is in")
        yield kind, start + header, start + size
        start += size


def find(data: bytes, *path: bytes) -> tuple[int, int] | None:
    """Where the payload of the first box under `path` lies in `data`: (start, end), or None."""
    begin, end = 0, len(data)
    for wanted in path:
        for kind, start, stop in children(data[:end], begin):
            if kind == wanted:
                begin, end = start, stop
                break
        else:
            return None
    return begin, end


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of that kind around the parts."""
    size = 8 + sum(len(part) for part in parts)
    return struct.pack(">I4s", size, kind) + b"".join(parts)


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def insert(data: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    """`data` with the box `new` as the second child of the first box under `path`, whose sizes grow with it.

    Second, since the first describes what the others are of (`tkhd` in a `trak`). Raises ValueError without such a box.
    """
    start, end = 0, len(data)
    headers: list[int] = []
    for wanted in path:
        kind, start, end = next((c for c in children(data[:end], start) if c[0] == wanted), (b"", 0, 0))
        if not kind:
            raise ValueError(f"no box {wanted!r}")
        headers.append(start - 8)
    at = next(children(data[:end], start))[2]
    out = bytearray(data[:at] + new + data[at:])
    for header in headers:
        size = struct.unpack_from(">I", out, header)[0]
        struct.pack_into(">I", out, header, size + len(new))
    return bytes(out)


def _header(data: bytes | bytearray, at: int = 0) -> tuple[int, bytes, int]:
    """Size, kind and header length of the box at `at`; a size of 0 (to the end of the file) is refused by callers."""
    size, kind = struct.unpack_from(">I4s", data, at)
    if size == 1 and len(data) >= at + 16:
        return int(struct.unpack_from(">Q", data, at + 8)[0]), kind, 16
    return int(size), kind, 8
