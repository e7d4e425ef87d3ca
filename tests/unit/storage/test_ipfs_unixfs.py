from __future__ import annotations

import hashlib
from base64 import b32encode

import pytest

from gilfoyle.storage.ipfs import unixfs
from gilfoyle.storage.ipfs.unixfs import Piece

KUBO = "bafybeih2naodjuenj2l36bn7lmfl3v6bju2ebllghel4ry4z6xyyglx2ii"


def raw_cid(data: bytes) -> str:
    """Of a block of raw bytes, by SHA-256."""
    binary = bytes([1, 0x55, 0x12, 0x20]) + hashlib.sha256(data).digest()
    return "b" + b32encode(binary).decode().lower().rstrip("=")


def test_is_what_kubo_makes_of_the_same() -> None:
    """`ipfs add --raw-leaves --cid-version=1 --chunker=size-4` of `12345678ab`; the block by `ipfs block get`."""
    pieces = [Piece(raw_cid(data), len(data), len(data)) for data in (b"1234", b"5678", b"ab")]
    block = unixfs.node(pieces)
    binary = bytes([1, 0x70, 0x12, 0x20]) + hashlib.sha256(block).digest()
    cid = "b" + b32encode(binary).decode().lower().rstrip("=")
    assert cid == KUBO


def test_another_base_is_refused() -> None:
    with pytest.raises(ValueError, match="base32"):
        unixfs.node([Piece("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPk57", 1, 1)])


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (1024, [1024]), (1025, [1024, 1]), (3000, [1024, 1024, 952])])
def test_no_node_has_too_many_links(count: int, sizes: list[int]) -> None:
    pieces = [Piece(raw_cid(b"x"), 64 << 20, 64 << 20)] * count
    assert [len(group) for group in unixfs.groups(pieces)] == sizes
    assert len(unixfs.node(pieces[:1024])) < 128 << 10
