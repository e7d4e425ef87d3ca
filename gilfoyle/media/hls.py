"""HLS playlists (RFC 8216bis), by Apple's authoring specification. Every URI is relative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from gilfoyle.media.names import INIT_NAME, PLAYLIST_NAME, segment_name

VERSION = 7
"""EXT-X-MAP without I-frames-only, and fragmented MP4, need 6; 7 is what Apple's rules ask of fMP4."""

# Apple's rule 1.32: what is listed first is what a player without a measurement starts with.
_START_BANDWIDTH = 2_000_000


@dataclass(frozen=True)
class Track:
    """A stored rendition as a playlist sees it. `sizes` in bytes and `durations` in seconds, one per segment."""

    name: str
    codecs: str
    sizes: Sequence[int]
    durations: Sequence[Fraction]

    @cached_property
    def bandwidth(self) -> int:
        """Peak segment bit rate, in bit/s.

        Segments shorter than half the longest don't count, or a tail of a few frames would name an absurd peak
        (RFC 8216, 4.3.4.2: the peak is taken over runs of about the target duration).
        """
        seconds = [float(duration) for duration in self.durations]
        whole = max(seconds) / 2
        rates = [size * 8 / length for size, length in zip(self.sizes, seconds, strict=True) if length >= whole]
        # Where every full segment is below the average (a costly tail), the average is the better promise.
        return max(int(max(rates)) + 1, self.average_bandwidth)

    @cached_property
    def average_bandwidth(self) -> int:
        """Bit/s over all segments."""
        return int(sum(self.sizes) * 8 / sum(map(float, self.durations))) + 1


@dataclass(frozen=True)
class VideoTrack(Track):
    """`width` and `height` in pixels, `frame_rate` in frames/s."""

    width: int
    height: int
    frame_rate: Fraction


@dataclass(frozen=True)
class AudioTrack(Track):
    """`language` as BCP 47, if it is known."""

    channels: int
    language: str | None


def media_playlist(
    durations: Sequence[Fraction],
    target: int,
    *,
    ended: bool,
) -> str:
    """The playlist of one rendition: EVENT while it grows, VOD with ENDLIST when it is whole. Durations in seconds.

    Players take one that grows for a live stream, and would start near its end: EXT-X-START tells them to begin at the
    beginning (RFC 8216, 4.3.5.2).
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *([] if ended else ["#EXT-X-START:TIME-OFFSET=0"]),
        f'#EXT-X-MAP:URI="{INIT_NAME}"',
    ]
    for index, duration in enumerate(durations):
        lines += [f"#EXTINF:{float(duration):.6f},", segment_name(index)]
    return _text([*lines, *(["#EXT-X-ENDLIST"] if ended else [])])


def master_playlist(video: Sequence[VideoTrack], audio: Sequence[AudioTrack]) -> str:
    """The multivariant playlist. With video, the first audio track is the sound of all; without, each is a variant."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if not video:
        for track in sorted(audio, key=lambda track: track.average_bandwidth, reverse=True):
            lines += [f"#EXT-X-STREAM-INF:{_variant(track, None)}", _uri(track)]
        return _text(lines)
    sound = audio[0] if audio else None
    if sound:
        lines.append(f"#EXT-X-MEDIA:{_media(sound)}")
    for picture in _start_first(video):
        lines += [f"#EXT-X-STREAM-INF:{_variant(picture, sound)}", _uri(picture)]
    return _text(lines)


def _start_first(video: Sequence[VideoTrack]) -> list[VideoTrack]:
    """The variant nearest 2 Mbit/s first, then the others from the best down."""
    first = min(video, key=lambda track: abs(track.average_bandwidth - _START_BANDWIDTH))
    rest = sorted((t for t in video if t is not first), key=lambda t: t.width * t.height, reverse=True)
    return [first, *rest]


def _variant(track: Track, sound: AudioTrack | None) -> str:
    codecs = [track.codecs, *([sound.codecs] if sound else [])]
    attributes = [
        f"BANDWIDTH={track.bandwidth + (sound.bandwidth if sound else 0)}",
        f"AVERAGE-BANDWIDTH={track.average_bandwidth + (sound.average_bandwidth if sound else 0)}",
        f'CODECS="{",".join(codecs)}"',
    ]
    if isinstance(track, VideoTrack):
        attributes += [
            f"RESOLUTION={track.width}x{track.height}",
            f"FRAME-RATE={float(track.frame_rate):.3f}",
            "VIDEO-RANGE=SDR",
            *(['AUDIO="audio"'] if sound else []),
            "CLOSED-CAPTIONS=NONE",
        ]
    return ",".join(attributes)


def _media(sound: AudioTrack) -> str:
    language = [f'LANGUAGE="{sound.language}"'] if sound.language else []
    return ",".join(
        [
            "TYPE=AUDIO",
            'GROUP-ID="audio"',
            f'NAME="{sound.language or "Default"}"',
            *language,
            "DEFAULT=YES",
            "AUTOSELECT=YES",
            f'CHANNELS="{sound.channels}"',
            f'URI="{_uri(sound)}"',
        ]
    )


def _uri(track: Track) -> str:
    return f"{track.name}/{PLAYLIST_NAME}"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
