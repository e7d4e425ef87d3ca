"""Which renditions a source gets, and how large each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from gilfoyle.media.encoders import AUDIO_ENCODERS, SPECIAL_ENCODERS, VIDEO_ENCODERS, AudioEncoder, VideoEncoder
from gilfoyle.media.policy import AudioRung, Capability, Codec, VideoRung
from gilfoyle.media.tracks import AUDIO_TRACK

# A source well above the best rung that fits gets one more, of its own size: 900 lines are not thrown away for 720.
_NATIVE_RATIO = Fraction(6, 5)
_WIDE = Fraction(16, 9)


class VideoRendition(BaseModel):
    """An encoded form of the video: square pixels, even sides."""

    model_config = ConfigDict(frozen=True)

    name: str
    width: int
    height: int
    max_kbps: int
    crf: float
    codec: str = "h264"
    """One of `media.encoders`."""
    capability: str = ""
    """The capability that a worker needs to encode it; empty: none."""

    @property
    def encoder(self) -> VideoEncoder:
        """The encoder that makes it."""
        return SPECIAL_ENCODERS[self.codec, self.capability] if self.capability else VIDEO_ENCODERS[self.codec]


class AudioRendition(BaseModel):
    """An encoded form of the audio: mono, stereo or 5.1."""

    model_config = ConfigDict(frozen=True)

    name: str
    kbps: int
    channels: int
    track: str = AUDIO_TRACK
    """The name of the track that it is a form of."""
    codec: str = "aac"
    """One of `media.encoders`."""

    @property
    def encoder(self) -> AudioEncoder:
        """The encoder that makes it."""
        return AUDIO_ENCODERS[self.codec]


def video_ladder(
    width: int, height: int, rungs: Sequence[VideoRung], encoders: Mapping[Codec, Capability] | None = None
) -> list[VideoRendition]:
    """The renditions of a video of `width` × `height` square pixels, the best first; at least one.

    A rung is a 16:9 box whose short side is its height, turned with the video; the video is fitted into it,
    never enlarged. If no rung is small enough, the one rendition is as large as the source.

    Each codec has a ladder of its own; the codec that most players decode comes last. `encoders`: of the policy.
    """
    special = encoders or {}
    codecs = sorted({rung.codec for rung in rungs}, key=[*VIDEO_ENCODERS].index, reverse=True)
    return [
        rendition.model_copy(update={"capability": special.get(codec, "")})
        for codec in codecs
        for rendition in _ladder(width, height, [rung for rung in rungs if rung.codec == codec])
    ]


def _ladder(width: int, height: int, rungs: Sequence[VideoRung]) -> list[VideoRendition]:
    ordered = sorted(rungs, key=lambda rung: rung.height, reverse=True)
    fitting = [(rung, scale) for rung in ordered if (scale := _fit(width, height, rung.height)) <= 1]
    found = [_rendition(width, height, scale, rung, rung.height) for rung, scale in fitting]
    larger = [rung for rung in ordered if _fit(width, height, rung.height) > 1]
    if larger and (not fitting or 1 / fitting[0][1] >= _NATIVE_RATIO):
        # Bounded like the next larger rung, in proportion to its pixels.
        rung = larger[-1]
        share = min(1.0, width * height / (rung.height * int(rung.height * _WIDE)))
        native = rung.model_copy(update={"max_kbps": max(150, round(rung.max_kbps * share))})
        found.insert(0, _rendition(width, height, Fraction(1), native, min(width, height)))
    return _distinct(found)


def audio_ladder(
    channels: int, rungs: Sequence[AudioRung], *, with_video: bool, track: str = AUDIO_TRACK
) -> list[AudioRendition]:
    """The renditions of an audio track with so many channels.

    All rungs without video; beside video, the first of each codec and number of channels. 5.1 is made only from
    tracks with as many channels.
    """
    heard = [rung for rung in rungs if rung.channels <= max(2, channels)]
    if with_video:
        first = {(rung.codec, rung.channels): rung for rung in reversed(heard)}
        heard = [rung for rung in heard if rung is first[rung.codec, rung.channels]]
    found = [_audio_rendition(rung, 1 if channels == 1 else rung.channels, track) for rung in heard]
    return [*{rendition.name: rendition for rendition in found}.values()]


def _audio_rendition(rung: AudioRung, channels: int, track: str) -> AudioRendition:
    codec = "" if rung.codec == "aac" else f"-{rung.codec}"
    surround = f"-{rung.channels}ch" if rung.channels > 2 else ""
    return AudioRendition(
        name=f"{track}-{rung.kbps}k{codec}{surround}",
        kbps=rung.kbps // 2 if channels == 1 else rung.kbps,
        channels=channels,
        track=track,
        codec=rung.codec,
    )


def _fit(width: int, height: int, short_side: int) -> Fraction:
    """The scale that fits the video into the rung's box."""
    long_side = -(-short_side * _WIDE.numerator // _WIDE.denominator)
    long_side += long_side % 2
    return min(
        Fraction(long_side, max(width, height)),
        Fraction(short_side, min(width, height)),
    )


def _rendition(width: int, height: int, scale: Fraction, rung: VideoRung, lines: int) -> VideoRendition:
    return VideoRendition(
        name=f"{lines}p" if rung.codec == "h264" else f"{lines}p-{rung.codec}",
        width=even(width * scale),
        height=even(height * scale),
        max_kbps=rung.max_kbps,
        crf=rung.crf,
        codec=rung.codec,
    )


def even(side: Fraction | int) -> int:
    """The nearest even number: 4:2:0 halves both sides."""
    return max(2, round(side / 2) * 2)


def _distinct(renditions: list[VideoRendition]) -> list[VideoRendition]:
    """Renditions without those whose size or name came before."""
    seen: set[object] = set()
    kept = []
    for rendition in renditions:
        size = (rendition.width, rendition.height)
        if not seen & {size, rendition.name}:
            kept.append(rendition)
        seen |= {size, rendition.name}
    return kept
