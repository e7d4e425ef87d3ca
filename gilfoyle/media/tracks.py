"""Tracks: what a player can choose. A source's video is one, and so is each of its audio streams. Pure.

Renditions are the encoded forms of a track.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

VIDEO_TRACK = "video"
"""The name of the video's track."""
AUDIO_TRACK = "audio"
"""The name of the first audio track; the others are `audio-2`, `audio-3` …"""


TEXT_TRACK = "text"
"""The name of the source's first text; the others are `text-2` and so on. Those that are added have a longer one."""


class TrackKind(StrEnum):
    """What a track is made of."""

    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"


class Role(StrEnum):
    """What a track is there for, beside others of its kind."""

    MAIN = "main"
    COMMENTARY = "commentary"
    DESCRIPTION = "description"
    """Audio that also describes what is seen."""
    CAPTION = "caption"
    """Text of all that is heard, not only of what is spoken."""
    SUBTITLE = "subtitle"
    FORCED = "forced"
    """Text of only what is spoken in another language than the film's."""


class Track(BaseModel):
    """One thing that a player can choose."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Unique in its media, and part of paths."""
    kind: TrackKind
    language: str | None = None
    """BCP 47."""
    label: str | None = None
    """What a person reads; None: the language says enough."""
    role: Role = Role.MAIN
    default: bool = False
    """What plays as long as nobody chooses: one of each kind at most."""
    stream: int | None = None
    """The index of its stream in the source; None: it has an object of its own."""
