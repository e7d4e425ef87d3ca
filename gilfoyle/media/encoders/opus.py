"""Opus by libopus: as good as AAC in fewer bits, for browsers and Android."""

from __future__ import annotations

from gilfoyle.media.encoders.base import AudioEncoder

# Frames of 20 ms, and what libopus looks ahead at 48 kHz (OPUS_GET_LOOKAHEAD), with which its decoder is in step.
_FRAME = 960
_LOOKAHEAD = 312
# Where it is told nothing else, libopus goes as high as it likes for a moment.
_OPTIONS = {"vbr": "constrained", "frame_duration": 20}


def _describe(config: bytes) -> str:
    """It has no parameters (Encapsulation of Opus in ISO Base Media File Format, 4.3.5)."""
    return "opus"


OPUS = AudioEncoder("opus", "libopus", b"Opus", b"dOps", _FRAME, _LOOKAHEAD, _OPTIONS, _describe)
