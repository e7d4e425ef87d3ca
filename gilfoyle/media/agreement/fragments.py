"""What lies in init segments and media segments (ISO/IEC 14496-12), as a player finds it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from gilfoyle.media.boxes import children, find
from gilfoyle.media.encoders import VIDEO_ENCODERS

_TRACK = (b"moov", b"trak")
_SAMPLE_ENTRIES = {
    b"mp4a": 28,
    b"Opus": 28,
    **{encoder.entry: 78 for encoder in VIDEO_ENCODERS.values()},
}  # bytes before the boxes of a sample entry
_ES, _DECODER_CONFIG, _DECODER_SPECIFIC = 0x03, 0x04, 0x05
_FROM_TFHD = ((0x000001, 8), (0x000002, 4))  # what stands before the default duration: data offset, description


@dataclass(frozen=True)
class Init:
    """Of an init segment: ticks per second, the codec (RFC 6381), and how long a sample lasts by default (ticks)."""

    timescale: int
    codec: str
    sample_ticks: int


@dataclass(frozen=True)
class Fragment:
    """A `moof`: when its first sample is decoded and how long its samples last together, in ticks."""

    begin: int
    ticks: int
    samples: int


def read_init(data: bytes) -> Init:
    """Raises ValueError if it is no init segment of one track."""
    mdhd, stsd = find(data, *_TRACK, b"mdia", b"mdhd"), find(data, *_TRACK, b"mdia", b"minf", b"stbl", b"stsd")
    if mdhd is None or stsd is None:
        raise ValueError("the init segment describes no track")
    (timescale,) = struct.unpack_from(">I", data, mdhd[0] + (20 if data[mdhd[0]] == 1 else 12))
    trex = find(data, b"moov", b"mvex", b"trex")
    ticks = struct.unpack_from(">I", data, trex[0] + 12)[0] if trex else 0
    return Init(int(timescale), _codec(data, *stsd), int(ticks))


def read_fragments(data: bytes, init: Init) -> list[Fragment]:
    """The fragments of a media segment. Raises ValueError if a box is broken."""
    found = []
    for kind, start, end in children(data):
        if kind == b"moof":
            for inner, first, last in children(data[:end], start):
                if inner == b"traf":
                    found.append(_fragment(data[:last], first, init))
    if not found:
        raise ValueError("a segment holds no samples")
    return found


def _fragment(data: bytes, start: int, init: Init) -> Fragment:
    boxes = {kind: (first, last) for kind, first, last in children(data, start)}
    if not {b"tfhd", b"tfdt", b"trun"} <= boxes.keys():
        raise ValueError("a fragment has no time or no samples")
    at = boxes[b"tfdt"][0]
    begin = struct.unpack_from(">Q" if data[at] == 1 else ">I", data, at + 4)[0]
    usual = _usual_ticks(data, boxes[b"tfhd"][0], init)
    samples, ticks = _run(data, boxes[b"trun"][0], usual)
    return Fragment(int(begin), ticks, samples)


def _usual_ticks(data: bytes, at: int, init: Init) -> int:
    flags = int.from_bytes(data[at + 1 : at + 4])
    if not flags & 0x000008:
        return init.sample_ticks
    before = sum(size for flag, size in _FROM_TFHD if flags & flag)
    return int(struct.unpack_from(">I", data, at + 8 + before)[0])


def _run(data: bytes, at: int, usual: int) -> tuple[int, int]:
    """How many samples, and how long they last together."""
    flags, (count,) = int.from_bytes(data[at + 1 : at + 4]), struct.unpack_from(">I", data, at + 4)
    if not flags & 0x000100:
        return count, count * usual
    first = at + 8 + 4 * bool(flags & 0x000001) + 4 * bool(flags & 0x000004)
    step = 4 * sum(bool(flags & flag) for flag in (0x000100, 0x000200, 0x000400, 0x000800))
    return count, sum(struct.unpack_from(">I", data, first + index * step)[0] for index in range(count))


def _codec(data: bytes, start: int, end: int) -> str:
    kind, first, last = next(children(data[:end], start + 8))
    if kind not in _SAMPLE_ENTRIES:
        return kind.decode("latin-1")
    boxes = {inner: data[a:b] for inner, a, b in children(data[:last], first + _SAMPLE_ENTRIES[kind])}
    if kind == b"mp4a" and b"esds" in boxes:
        return f"mp4a.{_audio_object(boxes[b'esds'][4:])}"
    if kind == b"Opus" and b"dOps" in boxes:
        return "opus"
    if b"avcC" in boxes:
        return f"{kind.decode()}.{boxes[b'avcC'][1:4].hex()}"
    for encoder in VIDEO_ENCODERS.values():
        if kind == encoder.entry and encoder.config in boxes:
            return encoder.describe(boxes[encoder.config])
    raise ValueError(f"a sample entry {kind!r} without a configuration")


def _audio_object(descriptors: bytes) -> str:
    """`40.2`: the object type and, for MPEG-4 audio, the first five bits of its configuration."""
    config = _descriptor(_descriptor(descriptors, _ES)[3:], _DECODER_CONFIG)
    return f"{config[0]:x}.{_descriptor(config[13:], _DECODER_SPECIFIC)[0] >> 3}"


def _descriptor(data: bytes, tag: int) -> bytes:
    """The content of a descriptor (ISO/IEC 14496-1, 8.3.3): a tag, a length in groups of seven bits, the content."""
    at, size = 1, 0
    while at < len(data) and data[at] & 0x80:
        size, at = size << 7 | data[at] & 0x7F, at + 1
    if not data or data[0] != tag or at >= len(data):
        raise ValueError(f"no descriptor {tag} where one should be")
    size = size << 7 | data[at]
    return data[at + 1 : at + 1 + size]


def seconds(ticks: int, init: Init) -> Fraction:
    """Ticks of a track as seconds."""
    return Fraction(ticks, init.timescale or 1)
