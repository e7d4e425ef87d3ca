"""CODECS strings (RFC 6381), read from an init segment: what a player is told is what the decoder gets."""

from __future__ import annotations

from gilfoyle.media.boxes import children, find
from gilfoyle.media.encoders import VIDEO_ENCODERS

_STSD = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
# Bytes of a sample entry before its boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3).
_VIDEO_ENTRY, _AUDIO_ENTRY = 78, 28
_ES, _DECODER_CONFIG, _DECODER_SPECIFIC = 0x03, 0x04, 0x05  # descriptor tags (ISO/IEC 14496-1, 7.2.2.1)
_BY_ENTRY = {encoder.entry: encoder for encoder in VIDEO_ENCODERS.values()}


def codec_string(init: bytes) -> str:
    """Such as `avc1.64001f` or `mp4a.40.2`. Raises ValueError for a codec that Gilfoyle does not make."""
    kind, config = decoder_config(init)
    if kind == b"mp4a":
        return f"mp4a.{_audio_object(config[4:])}"
    return _BY_ENTRY[kind].describe(config)


def decoder_config(init: bytes) -> tuple[bytes, bytes]:
    """The sample entry's kind and its decoder configuration (`avcC`, `esds` …). Raises ValueError for other codecs."""
    stsd = find(init, *_STSD)
    if stsd is None:
        raise ValueError("the init segment describes no samples")
    kind, start, end = next(children(init[: stsd[1]], stsd[0] + 8))
    if kind == b"mp4a":
        return kind, _entry_box(init, start + _AUDIO_ENTRY, end, b"esds")
    if kind in _BY_ENTRY:
        return kind, _entry_box(init, start + _VIDEO_ENTRY, end, _BY_ENTRY[kind].config)
    raise ValueError(f"no CODECS string is known for {kind!r}")


def _entry_box(init: bytes, start: int, end: int, wanted: bytes) -> bytes:
    for kind, first, last in children(init[:end], start):
        if kind == wanted:
            return init[first:last]
    raise ValueError(f"the sample entry has no {wanted!r}")


def _audio_object(esds: bytes) -> str:
    """`40.2`: the object type indication in hexadecimal and the audio object type, from an ES descriptor."""
    content = _descriptor(esds, _ES)
    config = _descriptor(content[3:], _DECODER_CONFIG)
    indication = config[0]
    specific = _descriptor(config[13:], _DECODER_SPECIFIC)
    return f"{indication:x}.{specific[0] >> 3}"


def _descriptor(data: bytes, tag: int) -> bytes:
    """The content of the descriptor with which `data` begins; its length is coded in 7-bit groups."""
    if not data or data[0] != tag:
        raise ValueError(f"no descriptor {tag} where one should be")
    size, at = 0, 1
    while True:
        byte = data[at]
        size, at = size << 7 | byte & 0x7F, at + 1
        if not byte & 0x80:
            return data[at : at + size]
