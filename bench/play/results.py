"""What was measured of each film, and the figures that are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.history import Span
from bench.play.watch import Watched


@dataclass(frozen=True)
class Film:
    """`name`: what its figures are called by."""

    name: str
    seconds: int


FILMS = (Film("10s", 10), Film("10min", 600), Film("2h", 7200))
WATCHED = "10min"
"""The one whose lowest rung is watched."""


@dataclass(frozen=True)
class Played:
    """One film. Seconds; `steps`: the first activities of its workflow."""

    source: str
    source_bytes: int
    upload_s: float
    first_play_s: float
    steps: list[Span]
    watched: Watched | None


def summary(found: Mapping[str, Played]) -> dict[str, float | None]:
    """The figures; None for what was not measured. `stalled_s`: seconds that the player stood still in all."""
    first = {f"first_play_s_{film.name}": _first_play(found.get(film.name)) for film in FILMS}
    watched = found[WATCHED].watched if WATCHED in found else None
    return {
        **first,
        "lowest_rung_speed": watched.lowest_rung_speed if watched else None,
        "stalls": len(watched.stalls) if watched else None,
        "stalled_s": watched.stalled_s if watched else None,
    }


def _first_play(played: Played | None) -> float | None:
    return round(played.first_play_s, 3) if played else None
