"""What is stored: bytes like a film's, which no one can compress, and of which no block comes twice."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

PIECE_BYTES = 1 << 20
SEGMENT_BYTES = 500_000
"""About 4 s of 1 Mbit/s."""

# IPFS keeps equal blocks once. It cuts at 256 KiB or more: a number this often makes each block another one.
_NUMBER_EVERY = 1 << 16


def make_object(file: Path, size: int) -> None:
    """Write a file of `size` bytes."""
    with file.open("wb") as out:
        for piece in _pieces(size, bytearray(os.urandom(PIECE_BYTES)), 0):
            out.write(piece)


def make_segments(folder: Path, count: int) -> None:
    """Make the folder, with `count` files of SEGMENT_BYTES."""
    folder.mkdir()
    base = bytearray(os.urandom(PIECE_BYTES))
    for number in range(count):
        with (folder / f"{number:05}.m4s").open("wb") as out:
            out.writelines(_pieces(SEGMENT_BYTES, base, number))


def read_pieces(file: Path) -> Iterator[bytes]:
    """The file as an upload arrives."""
    with file.open("rb", buffering=0) as source:
        while piece := source.read(PIECE_BYTES):
            yield piece


def _pieces(size: int, base: bytearray, number: int) -> Iterator[memoryview]:
    """`base` again and again, with numbers in it; each piece is valid until the next."""
    for start in range(0, size, PIECE_BYTES):
        for offset in range(0, PIECE_BYTES, _NUMBER_EVERY):
            struct.pack_into(">QQ", base, offset, number, start + offset)
        yield memoryview(base)[: size - start]
