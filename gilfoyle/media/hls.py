"""HLS playlists (RFC 8216bis), by Apple's authoring specification. Every URI is relative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from gilfoyle.media.names import INIT_NAME, PLAYLIST_NAME, segment_name
from gilfoyle.media.tracks import Role, Track

VERSION = 7
"""EXT-X-MAP without I-frames-only, and fragmented MP4, need 6; 7 is what Apple's rules ask of fMP4."""

# Apple's rule 1.32: what is listed first is what a player without a measurement starts with.
_START_BANDWIDTH = 2_000_000


@dataclass(frozen=True)
class Entry:
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
class VideoEntry(Entry):
    """`width` and `height` in pixels, `frame_rate` in frames/s."""

    width: int
    height: int
    frame_rate: Fraction


@dataclass(frozen=True)
class AudioEntry(Entry):
    """`track`: what it is a form of."""

    channels: int
    track: Track


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


def master_playlist(video: Sequence[VideoEntry], audio: Sequence[AudioEntry]) -> str:
    """The multivariant playlist. With video, each audio entry is a sound to choose; without, each is a variant."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if not video:
        for entry in sorted(audio, key=lambda entry: entry.average_bandwidth, reverse=True):
            lines += [f"#EXT-X-STREAM-INF:{_variant(entry, [])}", _uri(entry)]
        return _text(lines)
    for sound, name in zip(audio, _names([entry.track for entry in audio]), strict=True):
        lines.append(f"#EXT-X-MEDIA:{_media(sound, name, default=sound is _default(audio))}")
    for picture in _start_first(video):
        lines += [f"#EXT-X-STREAM-INF:{_variant(picture, audio)}", _uri(picture)]
    return _text(lines)


def _default(audio: Sequence[AudioEntry]) -> AudioEntry:
    """What plays as long as nobody chooses: the first, where the one that should could not be encoded."""
    return next((entry for entry in audio if entry.track.default), audio[0])


def _names(tracks: Sequence[Track]) -> list[str]:
    """What players show of each, no two the same (RFC 8216, 4.3.4.1.1)."""
    names: list[str] = []
    for track in tracks:
        name = (track.label or track.language or "Default").replace('"', "'")
        if track.role != Role.MAIN and not track.label:
            name = f"{name} ({track.role})"
        same = sum(other == name or other.startswith(f"{name} #") for other in names)
        names.append(f"{name} #{same + 1}" if same else name)
    return names


def _start_first(video: Sequence[VideoEntry]) -> list[VideoEntry]:
    """The variant nearest 2 Mbit/s first, then the others from the best down."""
    first = min(video, key=lambda entry: abs(entry.average_bandwidth - _START_BANDWIDTH))
    others = (entry for entry in video if entry is not first)
    rest = sorted(others, key=lambda entry: entry.width * entry.height, reverse=True)
    return [first, *rest]


def _variant(entry: Entry, sounds: Sequence[AudioEntry]) -> str:
    codecs = [entry.codecs, *sorted({sound.codecs for sound in sounds})]
    # With the costliest sound that may be chosen (RFC 8216, 4.3.4.2).
    peak = max((sound.bandwidth for sound in sounds), default=0)
    average = max((sound.average_bandwidth for sound in sounds), default=0)
    attributes = [
        f"BANDWIDTH={entry.bandwidth + peak}",
        f"AVERAGE-BANDWIDTH={entry.average_bandwidth + average}",
        f'CODECS="{",".join(codecs)}"',
    ]
    if isinstance(entry, VideoEntry):
        attributes += [
            f"RESOLUTION={entry.width}x{entry.height}",
            f"FRAME-RATE={float(entry.frame_rate):.3f}",
            "VIDEO-RANGE=SDR",
            *(['AUDIO="audio"'] if sounds else []),
            "CLOSED-CAPTIONS=NONE",
        ]
    return ",".join(attributes)


def _media(sound: AudioEntry, name: str, *, default: bool) -> str:
    track = sound.track
    # Nobody who did not ask for it is given a commentary (Apple's rule 8.10 wants the marks of a description).
    described = ['CHARACTERISTICS="public.accessibility.describes-video"'] if track.role == Role.DESCRIPTION else []
    chosen_alone = default or track.role != Role.COMMENTARY
    return ",".join(
        [
            "TYPE=AUDIO",
            'GROUP-ID="audio"',
            f'NAME="{name}"',
            *([f'LANGUAGE="{track.language}"'] if track.language else []),
            f"DEFAULT={'YES' if default else 'NO'}",
            f"AUTOSELECT={'YES' if chosen_alone else 'NO'}",
            *described,
            f'CHANNELS="{sound.channels}"',
            f'URI="{_uri(sound)}"',
        ]
    )


def _uri(entry: Entry) -> str:
    return f"{entry.name}/{PLAYLIST_NAME}"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
