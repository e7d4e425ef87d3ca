"""HLS playlists (RFC 8216bis), by Apple's authoring specification. Every URI is relative."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from gilfoyle.media.encoders import AUDIO_ENCODERS
from gilfoyle.media.names import INIT_NAME, PLAYLIST_NAME, segment_name, text_segment_name
from gilfoyle.media.text import webvtt
from gilfoyle.media.tracks import AUDIO_TRACK, Role, Track, TrackKind

VERSION = 7
"""EXT-X-MAP without I-frames-only, and fragmented MP4, need 6; 7 is what Apple's rules ask of fMP4."""

# Apple's rule 1.32: what is listed first is what a player without a measurement starts with.
_START_BANDWIDTH = 2_000_000
TEXT_SEGMENT_S = 60
"""A minute of a text in an object: hours of it are few, and a player reads no more than it shows soon."""
_URI = re.compile(r'(?<=[:,])URI="')
# Of an encoding that was begun before there were tracks.
_ONLY_AUDIO = Track(name=AUDIO_TRACK, kind=TrackKind.AUDIO, default=True)


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
    """`track`: the name of what it is a form of."""

    channels: int
    track: str
    codec: str = "aac"
    """One of `media.encoders`."""


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


def text_objects(cues: Sequence[webvtt.Cue], length: Fraction) -> list[tuple[str, str]]:
    """A text's segments, and after them its playlist, by name: whole from the first moment on.

    `length`: of the media, in seconds.
    """
    parts = webvtt.segments(cues, math.ceil(length * 1000), TEXT_SEGMENT_S * 1000)
    segments = [(text_segment_name(index), part) for index, part in enumerate(parts)]
    return [*segments, (PLAYLIST_NAME, _text_playlist(len(parts), length))]


def _text_playlist(segments: int, length: Fraction) -> str:
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{TEXT_SEGMENT_S}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]
    for index in range(segments):
        lasts = min(Fraction(TEXT_SEGMENT_S), length - index * TEXT_SEGMENT_S)
        lines += [f"#EXTINF:{float(lasts):.6f},", text_segment_name(index)]
    return _text([*lines, "#EXT-X-ENDLIST"])


def master_playlist(video: Sequence[VideoEntry], audio: Sequence[AudioEntry], tracks: Sequence[Track]) -> str:
    """The multivariant playlist of what is stored, as the tracks say.

    With video, audio entries are choices in groups, one group for each codec and for surround. Each video entry is a
    variant with each group, and a player takes those that it can play. Without video, each form of the default audio
    is a variant, and the other tracks are in its group. Audio without a track was removed: it is not listed.
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    texts = _one_default([track for track in tracks if track.kind == TrackKind.TEXT])
    for track, name in zip(texts, _names(texts), strict=True):
        lines.append(f"#EXT-X-MEDIA:{_text_media(track, name)}")
    subtitles = ['SUBTITLES="text"'] if texts else []
    forms = _forms(audio, tracks)
    names = _names([track for track, _ in forms])
    groups = _groups(forms) if video else _rates(forms)
    for group, members in groups.items():
        for (track, _), form, name in zip(forms, members, names, strict=True):
            # What is a variant itself is not fetched a second time beside it.
            inside = not video and track.default
            lines.append(f"#EXT-X-MEDIA:{_media(track, form, name, group, inside=inside)}")
    for entry, group in _seen(video, groups) if video else _only_heard(forms):
        lines += [f"#EXT-X-STREAM-INF:{_variant(entry, groups.get(group, []), subtitles, group)}", _uri(entry.name)]
    return _text(lines)


def _one_default(texts: Sequence[Track]) -> list[Track]:
    """At most one is (RFC 8216, 4.3.4.1.1): what people add goes before what the file says."""
    chosen = [track.name for track in texts if track.default][-1:]
    return [track.model_copy(update={"default": track.name in chosen}) for track in texts]


def below(master: str, folder: str) -> str:
    """A multivariant playlist as it reads one folder above its own: each relative URI begins with `folder`."""
    lines = [
        line if line.startswith("#") else f"{folder}/{line}"
        for line in _URI.sub(rf"\g<0>{folder}/", master).splitlines()
        if line
    ]
    return _text(lines)


def _forms(audio: Sequence[AudioEntry], tracks: Sequence[Track]) -> list[tuple[Track, list[AudioEntry]]]:
    """What can be chosen, in the tracks' order, and the forms that each has.

    One of them is the default, though what should be it has failed.
    """
    known = [track for track in tracks if track.kind == TrackKind.AUDIO] or [_ONLY_AUDIO]
    forms = [(track, [entry for entry in audio if entry.track == track.name]) for track in known]
    found = [(track, entries) for track, entries in forms if entries]
    if found and not any(track.default for track, _ in found):
        found[0] = (found[0][0].model_copy(update={"default": True}), found[0][1])
    return found


def _seen(video: Sequence[VideoEntry], groups: Iterable[str]) -> list[tuple[Entry, str]]:
    """The variants with video, and the group of each."""
    return [(entry, group) for group in [*groups] or [""] for entry in _start_first(video)]


def _only_heard(forms: Sequence[tuple[Track, Sequence[AudioEntry]]]) -> list[tuple[Entry, str]]:
    """The variants without: the default's forms, the best first."""
    main = [entry for track, entries in forms if track.default for entry in entries]
    best_first = sorted(main, key=lambda entry: entry.average_bandwidth, reverse=True)
    return [(entry, _rate(entry) if len(forms) > 1 else "") for entry in best_first]


def _groups(forms: Sequence[tuple[Track, Sequence[AudioEntry]]]) -> dict[str, list[AudioEntry]]:
    """The groups by name, with one form of each track in each: what most players decode first."""
    order = [*AUDIO_ENCODERS]
    found = [entry for _, entries in forms for entry in entries]
    kinds = {(order.index(entry.codec), entry.channels > 2): entry for entry in reversed(found)}
    return {
        f"audio{f'-{order[codec]}' if codec else ''}{'-surround' if surround else ''}": _like(
            kinds[codec, surround], forms
        )
        for codec, surround in sorted(kinds)
    }


def _rates(forms: Sequence[tuple[Track, Sequence[AudioEntry]]]) -> dict[str, list[AudioEntry]]:
    """Without video: for each form of the default track a group, by name, with one form of each track."""
    if len(forms) < 2:
        return {}
    return {_rate(entry): _like(entry, forms) for track, entries in forms if track.default for entry in entries}


def _rate(entry: AudioEntry) -> str:
    """The group of those that are encoded as it is."""
    return f"{AUDIO_TRACK}{entry.name.removeprefix(entry.track)}"


def _like(wanted: AudioEntry, forms: Sequence[tuple[Track, Sequence[AudioEntry]]]) -> list[AudioEntry]:
    """For each track its most similar form: all groups have the same tracks (RFC 8216, 4.3.4.2.1)."""

    def distance(entry: AudioEntry) -> tuple[bool, bool, bool, int]:
        return (
            entry.codec != wanted.codec,
            (entry.channels > 2) != (wanted.channels > 2),
            _rate(entry) != _rate(wanted),
            abs(entry.average_bandwidth - wanted.average_bandwidth),
        )

    return [min(entries, key=distance) for _, entries in forms]


def _names(tracks: Sequence[Track]) -> list[str]:
    """What players show of each, no two the same (RFC 8216, 4.3.4.1.1)."""
    names: list[str] = []
    for track in tracks:
        name = (track.label or track.language or "Default").replace('"', "'")
        if track.role in (Role.COMMENTARY, Role.DESCRIPTION, Role.FORCED) and not track.label:
            name = f"{name} ({track.role})"
        same = sum(other == name or other.startswith(f"{name} #") for other in names)
        names.append(f"{name} #{same + 1}" if same else name)
    return names


def _start_first(video: Sequence[VideoEntry]) -> list[VideoEntry]:
    """The variant nearest 2 Mbit/s first, of what plays in the most places; then the others, the best first."""
    everywhere = [entry for entry in video if entry.codecs.startswith("avc1")] or video
    first = min(everywhere, key=lambda entry: abs(entry.average_bandwidth - _START_BANDWIDTH))
    others = (entry for entry in video if entry is not first)
    rest = sorted(others, key=lambda entry: entry.width * entry.height, reverse=True)
    return [first, *rest]


def _variant(entry: Entry, forms: Sequence[AudioEntry], subtitles: Sequence[str], group: str = "") -> str:
    seen = isinstance(entry, VideoEntry)
    heard = [*forms] if seen else [entry, *forms]
    codecs = [*([entry.codecs] if seen else []), *sorted({form.codecs for form in heard})]
    # With the costliest audio that may be chosen (RFC 8216, 4.3.4.2).
    peak = max((form.bandwidth for form in heard), default=0) + (entry.bandwidth if seen else 0)
    average = max((form.average_bandwidth for form in heard), default=0) + (entry.average_bandwidth if seen else 0)
    attributes = [f"BANDWIDTH={peak}", f"AVERAGE-BANDWIDTH={average}", f'CODECS="{",".join(codecs)}"']
    choices = [*([f'AUDIO="{group}"'] if group else []), *subtitles]
    if isinstance(entry, VideoEntry):
        attributes += [
            f"RESOLUTION={entry.width}x{entry.height}",
            f"FRAME-RATE={float(entry.frame_rate):.3f}",
            "VIDEO-RANGE=SDR",
            *choices,
            "CLOSED-CAPTIONS=NONE",
        ]
    else:
        attributes += choices
    return ",".join(attributes)


def _media(track: Track, form: AudioEntry, name: str, group: str, *, inside: bool) -> str:
    # Nobody who did not ask for it is given a commentary.
    chosen_alone = track.default or track.role != Role.COMMENTARY
    return ",".join(
        [
            "TYPE=AUDIO",
            f'GROUP-ID="{group}"',
            *_naming(track, name),
            f"AUTOSELECT={_yes(chosen_alone)}",
            *_characteristics(track),
            f'CHANNELS="{form.channels}"',
            *([] if inside else [f'URI="{_uri(form.name)}"']),
        ]
    )


def _text_media(track: Track, name: str) -> str:
    return ",".join(
        [
            "TYPE=SUBTITLES",
            'GROUP-ID="text"',
            *_naming(track, name),
            "AUTOSELECT=YES",
            f"FORCED={_yes(track.role == Role.FORCED)}",
            *_characteristics(track),
            f'URI="{_uri(track.name)}"',
        ]
    )


def _naming(track: Track, name: str) -> list[str]:
    language = [f'LANGUAGE="{track.language}"'] if track.language else []
    return [f'NAME="{name}"', *language, f"DEFAULT={_yes(track.default)}"]


def _characteristics(track: Track) -> list[str]:
    """What Apple's authoring rules (4.7, 5.11) want said of what is made for people who can't see or hear."""
    marks = {
        Role.DESCRIPTION: "public.accessibility.describes-video",
        Role.CAPTION: "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",
    }
    return [f'CHARACTERISTICS="{marks[track.role]}"'] if track.role in marks else []


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


def _uri(name: str) -> str:
    return f"{name}/{PLAYLIST_NAME}"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
