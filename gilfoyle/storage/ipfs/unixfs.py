"""Files made of files: a UnixFS file is a tree, so a node that links to several, in order, is all of them as one.

Of the UnixFS specification (specs.ipfs.tech/unixfs) and that of DAG-PB (ipld.io/specs/codecs/dag-pb) no more than this
takes. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_LINKS = 1024
"""Of a node, as in Kubo's `unixfs-v1-2025` profile: it has some 60 KiB then, far below what nodes take as a block."""
_FILE = 2


@dataclass(frozen=True)
class Piece:
    """A file, or a tree of them."""

    cid: str
    """Of version 1, in base32."""
    size: int
    """Bytes of content."""
    stored: int
    """Bytes of all its blocks."""


def groups(pieces: Sequence[Piece]) -> list[Sequence[Piece]]:
    """Those that become a node each, so that none has too many links."""
    return [pieces[first : first + MOST_LINKS] for first in range(0, len(pieces), MOST_LINKS)]


def node(pieces: Iterable[Piece]) -> bytes:
    """The block of a file that consists of these, one after the other."""
    pieces = list(pieces)
    links = b"".join(_bytes(2, _link(piece)) for piece in pieces)
    data = _number(1, _FILE) + _number(3, sum(piece.size for piece in pieces))
    data += b"".join(_number(4, piece.size) for piece in pieces)
    return links + _bytes(1, data)  # in this order: DAG-PB has one form of each node


def _link(piece: Piece) -> bytes:
    return _bytes(1, _binary(piece.cid)) + _bytes(2, b"") + _number(3, piece.stored)


def _binary(cid: str) -> bytes:
    """The bytes of a CID. Its first letter names the base: `b` is base32 (multiformats.io/multibase)."""
    if cid[:1] != "b":
        raise ValueError(f"{cid} is not in base32")
    digits = cid[1:].upper()
    return base64.b32decode(digits + "=" * (-len(digits) % 8))


def _number(field: int, value: int) -> bytes:
    """A varint field of Protocol Buffers."""
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    """A length-delimited field of Protocol Buffers."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
