"""Ways in which bytes are spoiled. Pure: what is drawn comes of the seed, so any file can be made again."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise

Spoil = Callable[[random.Random, bytes, bytes], bytes]
"""Takes the dice, a file and another file; what it returns may be anything."""

_HEAD = 4096
_PACKET = 188
_LIES = (0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)
_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts", b"udta", b"mvex", b"dinf"}
_EBML = (b"\x1f\x43\xb6\x75", b"\x16\x54\xae\x6b", b"\x15\x49\xa9\x66", b"\x1c\x53\xbb\x6b", b"\xa3", b"\xae")
_MARKS = (
    b"OggS",
    b"RIFF",
    b"LIST",
    b"JUNK",
    b"data",
    b"fmt ",
    b"idx1",
    b"FLV",
    b"fLaC",
    b"ID3",
    b"SSND",
    b"\x00\x00\x01",
)


def flip_bits(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """Up to 64 single bits, anywhere."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 4, 16, 64))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def flip_head(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """Bytes of the header, where there is one."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 3, 10))):
        out[rng.randrange(min(_HEAD, len(out)))] = rng.randrange(256)
    return bytes(out)


def zero(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """A stretch that was never written."""
    begin, end = _stretch(rng, data)
    return data[:begin] + bytes(end - begin) + data[end:]


def truncate(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """The end is missing, or the beginning."""
    at = rng.randrange(1, len(data))
    return data[:at] if rng.random() < 0.7 else data[at:]


def cut(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """A stretch is missing."""
    begin, end = _stretch(rng, data)
    return data[:begin] + data[end:]


def double(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """A stretch comes twice."""
    begin, end = _stretch(rng, data)
    return data[:end] + data[begin:]


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The one's beginning and the other's end; or one within the other."""
    at, there = rng.randrange(1, len(data)), rng.randrange(len(other))
    if rng.random() < 0.5:
        return data[:at] + other[there:]
    begin, end = _stretch(rng, other)
    return data[:at] + other[begin:end] + data[at:]


def insert_noise(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """Something else got in between."""
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.choice((1, 7, 188, 5000))) + data[at:]


def lie(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """A number that may be a size, an offset or a count becomes another: zero, huge, or a little off."""
    out = bytearray(data)
    places = _plausible(data)
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.choice(places) if places else rng.randrange(len(data) - 4)
        form = rng.choice((">I", "<I"))
        (value,) = struct.unpack_from(form, out, at)
        changed = rng.choice((*_LIES, value + 1, max(0, value - 1), value * 2, value // 2)) & 0xFFFFFFFF
        struct.pack_into(form, out, at, changed)
    return bytes(out)


def drop_element(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """A box, a page, a packet or an element is missing; the sizes around it say that it is there."""
    begin, end = rng.choice(_elements(data))
    return data[:begin] + data[end:]


def swap_elements(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """Two of them change places."""
    first, second = sorted(rng.choice(_elements(data)) for _ in range(2))
    if second[0] < first[1]:
        return flip_bits(rng, data, _other)
    one, other = data[slice(*first)], data[slice(*second)]
    return data[: first[0]] + other + data[first[1] : second[0]] + one + data[second[1] :]


WAYS: tuple[Spoil, ...] = (
    flip_bits, flip_head, zero, truncate, cut, double, splice, insert_noise, lie, lie, drop_element, swap_elements,
)  # fmt: skip


def spoiled(seed: str, data: bytes, others: Sequence[bytes]) -> tuple[bytes, str]:
    """The file, spoiled in one or two ways, and in which. Never empty, and never as it was."""
    rng = random.Random(seed)
    out, ways = data, []
    while out == data or not out:
        out, ways = data, rng.sample(WAYS, rng.choice((1, 1, 1, 2)))
        for way in ways:
            if len(out) > 16:
                out = way(rng, out, rng.choice(others))
    return out, ", ".join(way.__name__ for way in ways)


def _stretch(rng: random.Random, data: bytes) -> tuple[int, int]:
    begin = rng.randrange(len(data))
    return begin, min(len(data), begin + rng.choice((1, 16, 188, 1000, 10_000)))


def _plausible(data: bytes) -> list[int]:
    """Where four bytes may be a size or an offset into the file: near the tags of what has sizes."""
    found = [begin for begin, _end in _boxes(data)]
    for mark in _MARKS:
        at = -1
        while (at := data.find(mark, at + 1)) >= 0 and len(found) < 2000:
            found += [place for place in (at - 4, at + 4, at + 8) if 0 <= place <= len(data) - 4]
    return [place for place in found if place <= len(data) - 4]


def _elements(data: bytes) -> list[tuple[int, int]]:
    """Boxes, packets of a transport stream, or what lies between two tags; at least one."""
    if boxes := _boxes(data):
        return boxes
    if data[:1] == b"G" and data[_PACKET : _PACKET + 1] == b"G":
        return [(at, at + _PACKET) for at in range(0, len(data), _PACKET)]
    tags = sorted(at for mark in (*_EBML[:4], *_MARKS) for at in _found(data, mark))
    pairs = [(begin, end) for begin, end in pairwise([*tags, len(data)]) if end > begin]
    return pairs or [(at, min(at + 500, len(data))) for at in range(0, len(data), 500)]


def _found(data: bytes, mark: bytes, most: int = 500) -> list[int]:
    places: list[int] = []
    at = -1
    while (at := data.find(mark, at + 1)) >= 0 and len(places) < most:
        places.append(at)
    return places


def _boxes(data: bytes, begin: int = 0, end: int | None = None, depth: int = 0) -> list[tuple[int, int]]:
    """The boxes of an MP4, those within others too; none of any other file."""
    end = len(data) if end is None else end
    found: list[tuple[int, int]] = []
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < 8 or begin + size > end or not kind.isalnum():
            return found if depth else []
        found.append((begin, begin + size))
        if kind in _NESTED and depth < 8:
            found += _boxes(data, begin + 8, begin + size, depth + 1)
        begin += size
    return found
