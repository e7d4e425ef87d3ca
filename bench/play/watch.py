"""Watches the playlists of the lowest rung grow."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from bench.play.viewer import Sample, Stall, changes, speed, stalls
from bench.player import lowest_playlists, published_s, target_s

POLL_S = 0.1


@dataclass(frozen=True)
class Watched:
    """`samples`: when there was more, since the first play. `window_s`: how long it was watched."""

    lowest_rung_speed: float
    stalls: list[Stall]
    window_s: float
    published_s: float
    samples: list[Sample]

    @property
    def stalled_s(self) -> float:
        """Seconds that the player stood still, in all."""
        return round(sum(stall.length_s for stall in self.stalls), 3)


def watch(http: httpx.Client, master: str, first_play: float, window_s: float, whole_s: float) -> Watched:
    """Look every tenth of a second, for `window_s` seconds or until all is published.

    `first_play` by `time.monotonic`; `whole_s`: the length of the film.
    """
    playlists = lowest_playlists(http, master)
    target = target_s(http.get(playlists[0]).raise_for_status().text)
    samples: list[Sample] = []
    whole = False
    while not whole and (not samples or samples[-1].at < window_s):
        texts = [http.get(playlist).raise_for_status().text for playlist in playlists]
        # What was found at first was there at the first play: that is how it was noticed.
        at = time.monotonic() - first_play if samples else 0.0
        found = [published_s(text) for text in texts]
        samples.append(Sample(round(at, 3), round(min(seconds for seconds, _ in found), 3)))
        whole = all(ended for _, ended in found)
        time.sleep(POLL_S)
    seen = changes(samples)
    return Watched(
        lowest_rung_speed=round(speed(seen), 3),
        stalls=stalls(seen, target / 2, whole_s),
        window_s=seen[-1].at,
        published_s=seen[-1].published_s,
        samples=seen,
    )
