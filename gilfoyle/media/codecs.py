"""CODECS strings (RFC 6381), read from an init segment: what a player is told is what the decoder gets."""

from __future__ import annotations

from gilfoyle.media.boxes import AUDIO_ENTRY, VIDEO_ENTRY, children, find
from gilfoyle.media.encoders import AUDIO_ENCODERS, VIDEO_ENCODERS, AudioEncoder, VideoEncoder

_STSD = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_ENTRIES: dict[bytes, tuple[VideoEncoder | AudioEncoder, int]] = {
    **{encoder.entry: (encoder, VIDEO_ENTRY) for encoder in VIDEO_ENCODERS.values()},
    **{encoder.entry: (encoder, AUDIO_ENTRY) for encoder in AUDIO_ENCODERS.values()},
}


def codec_string(init: bytes) -> str:
    """Such as `avc1.64001f` or `mp4a.40.2`. Raises ValueError for a codec that Gilfoyle does not make."""
    kind, config = decoder_config(init)
    return _ENTRIES[kind][0].describe(config)


def decoder_config(init: bytes) -> tuple[bytes, bytes]:
    """The sample entry's kind and its decoder configuration (`avcC`, `esds` …). Raises ValueError for other codecs."""
    stsd = find(init, *_STSD)
    if stsd is None:
        raise ValueError("the init segment describes no samples")
    kind, start, end = next(children(init[: stsd[1]], stsd[0] + 8))
    if kind in _ENTRIES:
        encoder, before = _ENTRIES[kind]
        return kind, _entry_box(init, start + before, end, encoder.config)
    raise ValueError(f"no CODECS string is known for {kind!r}")


def _entry_box(init: bytes, start: int, end: int, wanted: bytes) -> bytes:
    for kind, first, last in children(init[:end], start):
        if kind == wanted:
            return init[first:last]
    raise ValueError(f"the sample entry has no {wanted!r}")
