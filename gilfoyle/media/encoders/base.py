"""What a codec's module tells: how ffmpeg is told to encode, and how players are told what they get. Pure.

Every encoder makes closed GOPs of one length, an IDR or key frame at each: segments are independent, and the same in
every rendition, whatever its codec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gilfoyle.media.policy import EncodingSettings

Options = Mapping[str, Any]
"""ffmpeg's options of one output."""

BUFFER_LEFT = 0.6
"""How full the decoder's buffer is said to be where a chunk begins that is not the first. More would let each later
chunk of a hard scene spend more than one encode of all would (2.7 % over 60 s, measured with x264)."""


AVERAGE = 0.75
"""Of the bound, what an encoder is told to make on average that wants to know one."""


@dataclass(frozen=True)
class VideoJob:
    """One rendition of one chunk. `crf` on x264's scale; `buffer_s`: the rate buffer, in seconds at `max_kbps`."""

    crf: float
    max_kbps: int
    gop_frames: int
    policy: EncodingSettings
    threads: int
    is_first: bool
    """It begins with the media: its buffer begins empty."""

    @property
    def buffer_kbit(self) -> int:
        """The rate buffer's size."""
        return round(self.max_kbps * self.policy.buffer_s)


@dataclass(frozen=True)
class VideoEncoder:
    """How a video codec is encoded."""

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
    capability: str = ""
    """What the worker has that encodes with it: its task queue is named after it. Empty: nothing beside ffmpeg."""
    device: Options = field(default_factory=dict)
    """What ffmpeg as a whole is told, so that it finds the device."""
    upload: Sequence[tuple[str, Options]] = ()
    """The filters that upload frames to the device."""
    reserves: bool = False
    """Its driver reserves far more address space than it uses, tens of GiB: what is bounded is what it writes to."""


def key_frames(gop_frames: int) -> Options:
    """For an encoder that may begin a GOP where it likes: an IDR or key frame where each begins on the grid, by order.

    One more, at a change of scene, then costs bits, and no frame its place.
    """
    return {"g": gop_frames, "force_key_frames": f"expr:not(mod(n,{gop_frames}))"}


@dataclass(frozen=True)
class AudioEncoder:
    """How an audio codec is encoded, at `timeline.SAMPLE_RATE`."""

    codec: str
    """Its name in the settings."""
    name: str
    """What ffmpeg calls the encoder."""
    entry: bytes
    """The kind of its sample entry in MP4."""
    config: bytes
    """The box of the decoder's configuration."""
    frame: int
    """Samples in a frame."""
    delay: int
    """By how many samples what is decoded comes later than what was encoded."""
    options: Mapping[str, Any]
    """What ffmpeg is told beside the bit rate, the channels and the sample rate."""
    describe: Callable[[bytes], str]
    """The CODECS string (RFC 6381), of the content of that box."""

    @property
    def dropped(self) -> int:
        """Whole frames that are only delay: they are not stored, so that the first that is decodes at 0."""
        return self.delay // self.frame

    @property
    def advance(self) -> int:
        """What is left of the delay, in samples: the encoder is given what comes so much later."""
        return self.delay % self.frame
