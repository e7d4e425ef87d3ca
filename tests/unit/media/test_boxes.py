"""Boxes: cut from any pieces, found by path, written; and garbage refused."""

from __future__ import annotations

import struct

import pytest

from gilfoyle.media.boxes import MAX_BOX, Box, BoxReader, box, children, find, full_box, insert

TREE = box(b"moov", full_box(b"mvhd", 1, 2, b"1234"), box(b"trak", box(b"tkhd", b"a"), box(b"mdia", box(b"minf"))))


def large(kind: bytes, payload: bytes) -> bytes:
    """A box with a 64-bit size."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


def test_a_box_is_its_size_its_kind_and_its_parts() -> None:
    assert box(b"free", b"ab", b"c") == b"\0\0\0\x0bfreeabc"
    assert full_box(b"mvhd", 1, 2, b"x") == b"\0\0\0\x0dmvhd\x01\0\0\x02x"


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 1000])
def test_boxes_come_whole_from_any_pieces(size: int) -> None:
    stream = box(b"ftyp", b"isom") + large(b"mdat", b"x" * 50) + box(b"free") + TREE
    reader = BoxReader()
    found = [item for at in range(0, len(stream), size) for item in reader.feed(stream[at : at + size])]
    assert [(item.kind, item.payload) for item in found] == [
        (b"ftyp", b"isom"),
        (b"mdat", b"x" * 50),
        (b"free", b""),
        (b"moov", TREE[8:]),
    ]
    assert b"".join(item.data for item in found) == stream
    assert reader.rest == 0


def test_a_box_that_has_not_ended_is_kept() -> None:
    reader = BoxReader()
    assert list(reader.feed(box(b"mdat", b"12345678")[:-1])) == []
    assert reader.rest == 15
    assert list(reader.feed(b"8")) == [Box(b"mdat", box(b"mdat", b"12345678"), 8)]


@pytest.mark.parametrize(
    "garbage",
    [
        struct.pack(">I4s", 0, b"mdat"),  # to the end of the file: nothing that a pipe can have
        struct.pack(">I4s", 7, b"free"),
        struct.pack(">I4sQ", 1, b"mdat", 15),
        struct.pack(">I4s", MAX_BOX + 1, b"mdat"),
        struct.pack(">I4sQ", 1, b"mdat", 1 << 60),
        b"\xff" * 8,
        b"<!doctype html>",
    ],
)
def test_what_is_no_box_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="a box"):
        list(BoxReader().feed(garbage))


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ((b"moov", b"mvhd"), b"\x01\0\0\x021234"),
        ((b"moov", b"trak", b"tkhd"), b"a"),
        ((b"moov", b"trak", b"mdia", b"minf"), b""),
        ((b"moov", b"trak", b"mdia", b"hdlr"), None),
        ((b"mvhd",), None),
        ((b"moov", b"trak", b"mdia", b"minf", b"stbl"), None),
    ],
)
def test_find(path: tuple[bytes, ...], payload: bytes | None) -> None:
    found = find(TREE, *path)
    assert (TREE[found[0] : found[1]] if found else None) == payload


def test_a_child_that_is_larger_than_its_parent_is_refused() -> None:
    with pytest.raises(ValueError, match="reaches beyond"):
        list(children(box(b"trak")[:4] + b"trak" + b"\0\0\0\x20tkhd"))


def test_insert_puts_a_box_second_and_lets_those_around_it_grow() -> None:
    edited = insert(TREE, (b"moov", b"trak"), box(b"edts", b"new"))
    start, end = find(edited, b"moov", b"trak") or (0, 0)
    assert [kind for kind, _, _ in children(edited[:end], start)] == [b"tkhd", b"edts", b"mdia"]
    assert [kind for kind, _, _ in children(edited)] == [b"moov"]
    assert len(edited) == len(TREE) + 11


def test_insert_needs_the_box() -> None:
    with pytest.raises(ValueError, match="udta"):
        insert(TREE, (b"moov", b"udta"), box(b"edts"))
