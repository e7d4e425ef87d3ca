"""Mono streams that are the channels of one track: which ones belong together, and where each is heard. Pure.

Cameras and broadcasters write a track a channel, in MXF and MOV. Some say where each is heard (`1 channels (FL)`); of
most, only their order tells: left and right (EBU R 48), pairs of them, or, of six, L R C LFE Ls Rs (SMPTE ST 320).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from gilfoyle.media.info import AudioInfo, Channel
from gilfoyle.media.warnings import MediaWarning

# Where a file has a track for each microphone or side.
_TRACK_A_CHANNEL = {"mov", "mxf"}
# Mono streams are channels of one track if their lengths differ by no more (seconds).
_SAME_LENGTH = Fraction(1, 2)

_LESS = round(math.sqrt(0.5), 6)
# How loud a channel is on the left and on the right (ITU-R BS.775, annex 4). The low frequencies, which a downmix may
# leave out, are heard as well: where nothing says that a track holds them, it may hold anything.
_SIDES = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_LESS, _LESS), "LFE": (0.5, 0.5), "BL": (_LESS, 0.0), "BR": (0.0, _LESS),
    "SL": (_LESS, 0.0), "SR": (0.0, _LESS), "BC": (0.5, 0.5), "FLC": (1.0, 0.0), "FRC": (0.0, 1.0),
    "DL": (1.0, 0.0), "DR": (0.0, 1.0),
}  # fmt: skip
# What is mixed already, beside what it was mixed of.
_DOWNMIX = ("DL", "DR")
_SIX = ("FL", "FR", "FC", "LFE", "SL", "SR")


def in_one(tracks: Sequence[AudioInfo], container: str) -> tuple[list[AudioInfo], list[MediaWarning]]:
    """The audio tracks, with mono streams that belong together joined into one, and a warning if that was a guess.

    Either they say so, or the file is of a kind that has a track a channel, and nothing tells them apart.
    """
    first = next((each for each in tracks if each.default and each.channels == 1), None)
    first = first or next((each for each in tracks if each.channels == 1), None)
    if first is None or (tracks[0].channels > 1 and tracks[0].default):
        return list(tracks), []
    alike = [first, *(each for each in tracks if each.index != first.index and _belong_together(first, each))]
    positions = [_position(each) for each in alike]
    if {"FL", "FR"} <= set(positions):
        channels = _named(alike, positions, container)
    elif set(_DOWNMIX) <= set(positions):
        channels = [(alike[positions.index(name)], name) for name in _DOWNMIX]
    elif container in _TRACK_A_CHANNEL and len(alike) > 1 and not any(positions):
        channels = list(zip(alike, _by_order(len(alike)), strict=True))
    else:
        return list(tracks), []
    used = {each.index for each, _ in channels}
    guessed = len(channels) > 2 and not any(positions)
    return (
        [_joined(first, channels), *(each for each in tracks if each.index not in used)],
        [_mixed(len(channels))] if guessed else [],
    )


def _named(alike: Sequence[AudioInfo], positions: Sequence[str | None], container: str) -> list[tuple[AudioInfo, str]]:
    """Each position once. One that says nothing is the centre: for ffmpeg, mono is just that."""
    found: dict[str, AudioInfo] = {}
    for each, position in zip(alike, positions, strict=True):
        name = position or ("FC" if container in _TRACK_A_CHANNEL else "")
        if name in _SIDES and name not in _DOWNMIX:
            found.setdefault(name, each)
    return [(each, name) for name, each in found.items()]


def _by_order(count: int) -> Sequence[str]:
    """What tracks that say nothing are: of an odd number, the last is heard on both sides."""
    if count == len(_SIX):
        return _SIX
    return [*("FL", "FR") * (count // 2), *["FC"] * (count % 2)]


def _joined(first: AudioInfo, channels: Sequence[tuple[AudioInfo, str]]) -> AudioInfo:
    """One audio track of two channels."""
    mono = [
        Channel(index=each.index, left=_SIDES[name][0], right=_SIDES[name][1], shifts=each.shifts, position=name)
        for each, name in channels
    ]
    return first.model_copy(
        update={
            "channels": 2,
            "layout": "stereo",
            "mono": mono,
            "start": min(each.start for each, _ in channels),
            "end": max(each.end for each, _ in channels),
            "default": any(each.default for each, _ in channels),
        }
    )


def _position(audio: AudioInfo) -> str | None:
    """Where a mono stream is heard, as its layout (`1 channels (FL)`) says; None if it does not."""
    if audio.layout in (None, "mono"):
        return None
    return (audio.layout or "").partition("(")[2].rstrip(")")


def _belong_together(one: AudioInfo, other: AudioInfo) -> bool:
    return (
        (one.channels, one.codec, one.sample_rate, one.language) == (
            other.channels, other.codec, other.sample_rate, other.language
        )
        and abs(one.end - other.end) <= _SAME_LENGTH
    )  # fmt: skip


def _mixed(count: int) -> MediaWarning:
    taken = "the six channels of 5.1 (L R C LFE Ls Rs)" if count == len(_SIX) else "left and right by turns"
    text = (
        f"The audio is in {count} mono tracks, and nothing says where each is heard: they were taken for {taken}, and "
        "all are heard at once. If they don't belong together, send a copy with those that do."
    )
    return MediaWarning(code="tracks_mixed", message=text)
