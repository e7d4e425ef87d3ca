"""What a viewer meets who begins as soon as it is possible, from what was published when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Sample:
    """`published_s` seconds of media could be played `at` seconds after the first play, video and audio."""

    at: float
    published_s: float


@dataclass(frozen=True)
class Stall:
    """The player stood still at `media_s` of the film, for so many seconds, or until the end of the measurement."""

    media_s: float
    length_s: float


def speed(samples: Sequence[Sample]) -> float:
    """The least of (media seconds published) / (seconds since the first play), over all moments since then.

    Below 1 exactly if a viewer who began at the first play, and sees at once what is published, has to wait. The
    least lies where something new is about to appear, or at the end: what was there is then at its oldest.
    `samples`: at the first play, and each later moment at which something was found; the last is the end.
    """
    pairs = [(before.published_s, after.at) for before, after in pairwise(samples)]
    return min((published / at for published, at in pairs if at > 0), default=float("inf"))


def stalls(samples: Sequence[Sample], poll_s: float, whole_s: float) -> list[Stall]:
    """How a player fares that plays at speed 1 from the first play on, and asks for playlists every `poll_s` seconds.

    It goes on as soon as it finds a new segment. `whole_s`: the length of the film, after which it has no more to
    wait for.
    """
    found: list[Stall] = []
    position, known, stalled = 0.0, _at(samples, 0.0), 0.0
    end = samples[-1].at
    now = 0.0
    while now < end and position < whole_s:
        step = min(poll_s, end - now)
        played = min(step, known - position)
        position += played
        if played < step and position < whole_s:
            stalled += step - played
        now += step
        known = max(known, _at(samples, now))
        if stalled and (known > position or now >= end):
            found.append(Stall(round(position, 3), round(stalled, 3)))
            stalled = 0.0
    return found


def changes(samples: Sequence[Sample]) -> list[Sample]:
    """The first, the last, and those at which there was more than before."""
    found = [samples[0]]
    for sample in samples[1:-1]:
        if sample.published_s > found[-1].published_s:
            found.append(sample)
    return [*found, samples[-1]] if len(samples) > 1 else found


def _at(samples: Sequence[Sample], moment: float) -> float:
    """What is published at a moment."""
    return max((sample.published_s for sample in samples if sample.at <= moment), default=0.0)
