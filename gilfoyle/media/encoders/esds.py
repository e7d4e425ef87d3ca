"""The MPEG-4 descriptors that say how audio is decoded (ISO/IEC 14496-1, 7.2.6)."""

from __future__ import annotations

_ES, _DECODER_CONFIG, _DECODER_SPECIFIC = 0x03, 0x04, 0x05  # descriptor tags (7.2.2.1)


def describe(esds: bytes) -> str:
    """`mp4a.40.2`: the object type indication in hexadecimal and the audio object type, of the content of an `esds`."""
    content = _descriptor(esds[4:], _ES)
    config = _descriptor(content[3:], _DECODER_CONFIG)
    specific = _descriptor(config[13:], _DECODER_SPECIFIC)
    return f"mp4a.{config[0]:x}.{specific[0] >> 3}"


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
