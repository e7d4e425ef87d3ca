"""One long media on a server that has nothing else to do: its history, the memory meanwhile, and its playlists."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx

from bench import server
from bench.history import read_runs, runs_of
from bench.limits.memory import KINDS, Sample, all_levels, rss_mb
from bench.limits.patience import Patience
from bench.limits.results import Long
from bench.player import lowest_playlists
from bench.room import check_room
from bench.source import Say
from bench.uploads import Sent, check, master_url, send
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle

_EVERY_S = 1.0
_SAID_EVERY_S = 20.0
# What a server writes besides the upload before it is stopped.
_BESIDES = 2 * 10**9


def run(source: Path, kind: str, hours: float, say: Say) -> Long:
    """Upload it as `kind`. Raises EncodeFailed if it is Errored or stands still, and what refuses it."""
    check_room(source.stat().st_size + _BESIDES)
    with server.running() as up, Gilfoyle(up.url) as client:
        sent = send(client, source, kind)
        watch = _Watch(up, client, sent, say)
        watch.until_ready()
        runs = asyncio.run(runs_of(up, sent.media_id))
    return Long(
        hours=hours,
        upload_s=round(sent.upload_s, 1),
        wall_s=watch.samples[-1].at_s,
        history_events=max(len(run.events) for run in runs),
        history_bytes=max(run.bytes for run in runs),
        steps=dict(Counter(span.name for span in read_runs(runs))),
        playlist_ms=round(watch.playlist_s * 1000, 1),
        playlist_bytes=watch.playlist_bytes,
        memory=all_levels(watch.samples),
    )


class _Watch:
    """`playlist_s`: the longest that the lowest rendition's playlist was waited for."""

    def __init__(self, up: server.Server, client: Gilfoyle, sent: Sent, say: Say) -> None:
        self._up, self._client, self._sent, self._say = up, client, sent, say
        self._master = master_url(up, sent.media_id)
        self.samples: list[Sample] = []
        self.playlist_s, self.playlist_bytes = 0.0, 0

    def until_ready(self) -> None:
        """Sample until it is Ready, and once more then."""
        patience, said, ready = Patience(), time.monotonic(), False
        with httpx.Client(trust_env=False) as http:
            while not ready:
                media = given(self._client.medias.get(self._sent.media_id))
                check(media)
                ready = media["status"] == "Ready"
                now = time.monotonic()
                done = dict.fromkeys(KINDS, float(media["progress"]))
                self.samples.append(Sample(round(now - self._sent.ended, 1), rss_mb(self._up.pid), done))
                self._fetch(http)
                where = f"{media['progress']:.1%} of {media['file_name']} is encoded."
                patience.note(media["progress"], where)
                if now - said > _SAID_EVERY_S:
                    said = now
                    self._say(f"… {now - self._sent.ended:.0f} s: {where}")
                time.sleep(_EVERY_S)

    def _fetch(self, http: httpx.Client) -> None:
        for url in lowest_playlists(http, self._master)[:1]:
            asked = time.monotonic()
            answer = http.get(url)
            self.playlist_s = max(self.playlist_s, time.monotonic() - asked)
            self.playlist_bytes = len(answer.content)
