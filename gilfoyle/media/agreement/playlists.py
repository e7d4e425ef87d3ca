"""HLS playlists as a player reads them (RFC 8216): a parser of the judge's own."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')


class PlaylistError(ValueError):
    """It is no playlist that a player could follow."""


@dataclass(frozen=True)
class Offer:
    """One EXT-X-STREAM-INF: with the audio tracks of a group, if it names one. Bandwidths in bit/s."""

    codecs: tuple[str, ...]
    bandwidth: int
    average_bandwidth: int
    group: str = ""


@dataclass(frozen=True)
class Variant:
    """What the multivariant playlist says of a media playlist. Paths are relative to it."""

    path: str
    offers: tuple[Offer, ...] = ()
    width: int = 0
    height: int = 0
    groups: tuple[str, ...] = ()
    """In which it is an alternative rendition (EXT-X-MEDIA) of type AUDIO; its bandwidth is part of its variants'."""

    @property
    def is_audio(self) -> bool:
        """Whether it is only heard beside variants."""
        return not self.offers

    @property
    def name(self) -> str:
        """The rendition's: the folder in which its playlist lies."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True)
class MediaPlaylist:
    """What a rendition's playlist says. Durations in seconds, paths relative to it."""

    init: str
    segments: tuple[str, ...]
    durations: tuple[float, ...]
    target: int
    ended: bool

    @property
    def length(self) -> float:
        """Seconds."""
        return sum(self.durations)


def variants(text: str) -> list[Variant]:
    """The renditions of a multivariant playlist, each once. Raises PlaylistError."""
    found: dict[str, Variant] = {}
    told: dict[str, str] | None = None
    for line in _lines(text):
        if line.startswith("#EXT-X-MEDIA:"):
            attributes = _attributes(line)
            if attributes.get("TYPE") == "AUDIO" and "URI" in attributes:
                known = found.get(attributes["URI"], Variant(attributes["URI"]))
                groups = (*known.groups, attributes.get("GROUP-ID", ""))
                found[known.path] = replace(known, groups=groups)
        elif line.startswith("#EXT-X-STREAM-INF:"):
            told = _attributes(line)
        elif not line.startswith("#"):
            if told is None:
                raise PlaylistError(f"nothing is said of {line}")
            width, _, height = told.get("RESOLUTION", "0x0").partition("x")
            known = replace(found.get(line, Variant(line)), width=_integer(width), height=_integer(height))
            found[line] = replace(known, offers=(*known.offers, _offer(told)))
            told = None
    return list(found.values())


def media_playlist(text: str) -> MediaPlaylist:
    """A rendition's playlist. Raises PlaylistError."""
    init, target, length = "", 0, None
    segments: list[str] = []
    durations: list[float] = []
    lines = _lines(text)
    for line in lines:
        if line.startswith("#EXT-X-MAP:"):
            if init:
                raise PlaylistError("it names two init segments")
            init = _attributes(line).get("URI", "")
        elif line.startswith("#EXT-X-TARGETDURATION:"):
            target = _integer(line.partition(":")[2])
        elif line.startswith("#EXTINF:"):
            length = _number(line.partition(":")[2].partition(",")[0])
        elif not line.startswith("#"):
            if length is None:
                raise PlaylistError(f"{line} has no length")
            segments.append(line)
            durations.append(length)
            length = None
    if not init:
        raise PlaylistError("it names no init segment")
    return MediaPlaylist(init, tuple(segments), tuple(durations), target, "#EXT-X-ENDLIST" in lines)


def _offer(told: dict[str, str]) -> Offer:
    return Offer(
        tuple(told.get("CODECS", "").split(",")) if told.get("CODECS") else (),
        _integer(told.get("BANDWIDTH", "0")),
        _integer(told.get("AVERAGE-BANDWIDTH", "0")),
        told.get("AUDIO", ""),
    )


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise PlaylistError("it does not begin with #EXTM3U")
    return lines


def _attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def _integer(text: str) -> int:
    if not text.strip().isdecimal():
        raise PlaylistError(f"{text!r} is not a number")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise PlaylistError(f"{text!r} is not a number") from error
