"""What a codec's module tells: how ffmpeg is told to encode, and how players are told what they get. Pure.

Every encoder makes closed GOPs of one length, an IDR or key frame at each: segments are independent, and the same in
every rendition, whatever its codec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gilfoyle.media.policy import EncodingPolicy

Options = Mapping[str, Any]
"""ffmpeg's options of one output."""

BUFFER_LEFT = 0.6
"""How full the decoder's buffer is said to be where a chunk begins that is not the first. More would let each later
chunk of a hard picture spend more than one encode of all would (2.7 % over 60 s, measured with x264)."""


@dataclass(frozen=True)
class VideoJob:
    """One rendition of one chunk. `crf` on x264's scale; `buffer_s`: the rate buffer, in seconds at `max_kbps`."""

    crf: float
    max_kbps: int
    gop_frames: int
    policy: EncodingPolicy
    threads: int
    is_first: bool
    """It begins with the media: its buffer begins empty."""

    @property
    def buffer_kbit(self) -> int:
        """The rate buffer's size."""
        return round(self.max_kbps * self.policy.buffer_s)


@dataclass(frozen=True)
class VideoEncoder:
    """How a codec is made."""

    codec: str
    """Its name in the settings."""
    name: str
    """What ffmpeg calls the encoder."""
    entry: bytes
    """The kind of its sample entry in MP4."""
    config: bytes
    """The box of the decoder's configuration."""
    options: Callable[[VideoJob], Options]
    describe: Callable[[bytes], str]
    """The CODECS string (RFC 6381), of the content of that box."""
