"""`bench fair`: short uploads on an idle server, then the same beside a long one that is being encoded."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from rich.console import Console

from bench import server
from bench.fair.crowd import POLL_S, Crowd
from bench.fair.report import table
from bench.fair.results import Fairness, Short, summary
from bench.fair.waiting import longest_wait, shares
from bench.history import TRANSCODE, spans_of
from bench.machine import Machine
from bench.player import wait_for_first_play
from bench.room import check_room
from bench.server import Server
from bench.source import CACHE, Say, make, make_long
from bench.uploads import Sent, check, master_url, send, wait_until_ready
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle
from gilfoyle.config import load
from gilfoyle.ffmpeg.tools import ffmpeg_path

_IDLE_RUNS = 3
# The long one is given so long after its first play: by then its passes are of the usual length.
_SETTLE_S = 20.0
# Between two uploads, as a multiple of what one takes on an idle server: with less the machine could not do the short
# ones alone.
_PACE = 1.5
_BESIDES = 2 * 10**9


@dataclass(frozen=True)
class Load:
    """What is uploaded. Seconds; `every_s`: between two short ones, None: as the machine can bear; 0: all at once."""

    long_s: int
    short_s: int
    shorts: int
    every_s: float | None
    patience_s: float
    """How long after the last short upload those that are not Ready are waited for."""


def fair(load_: Load, *, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the figures as the last line of stdout. Raises GilfoyleError."""
    settings = load()
    console = Console(stderr=True)
    ffmpeg = ffmpeg_path(settings.tools)
    short = make(CACHE, load_.short_s, ffmpeg, console.print)
    long = make_long(CACHE, load_.long_s, ffmpeg, console.print)
    check_room(long.stat().st_size + _BESIDES)
    found = _measure(load_, short, long, console.print)
    machine = Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        about = {"load": asdict(load_), "machine": asdict(machine)}
        print(json.dumps({**summary(found), "ratios": found.ratios, **about, **asdict(found)}))


def _measure(load_: Load, short: Path, long: Path, say: Say) -> Fairness:
    with server.running() as up, Gilfoyle(up.url) as client:
        idle = [_alone(up, client, short, say) for _ in range(_IDLE_RUNS)]
        usual = sorted(one.ready_s for one in idle)[_IDLE_RUNS // 2]
        say(f"{usual:.1f} s on an idle server; now the long one …")
        sent = send(client, long)
        _settle(up, client, sent)
        began = time.monotonic()
        beside = _beside(up, client, short, load_, usual, say)
        steps = spans_of(up, sent.media_id)
    since = began - sent.ended
    passes = [span for span in steps if span.name in TRANSCODE and span.ended > since]
    return Fairness(idle, beside, passes)


def _alone(up: Server, client: Gilfoyle, short: Path, say: Say) -> Short:
    say("A short upload on an idle server …")
    sent = send(client, short)
    _, ready = wait_until_ready(client, sent.media_id, POLL_S)
    return _described(up, sent, ready, is_ready=True)


def _settle(up: Server, client: Gilfoyle, sent: Sent) -> None:
    with httpx.Client(trust_env=False) as http:
        wait_for_first_play(http, master_url(up, sent.media_id), lambda: check(given(client.medias.get(sent.media_id))))
    time.sleep(_SETTLE_S)


def _beside(up: Server, client: Gilfoyle, short: Path, load_: Load, usual: float, say: Say) -> list[Short]:
    every = _PACE * usual if load_.every_s is None else load_.every_s
    say(f"{load_.shorts} short uploads, one every {every:.1f} s …" if every else f"{load_.shorts} short uploads …")
    crowd = Crowd(client, short, say)
    crowd.run(load_.shorts, every, load_.patience_s)
    now = time.monotonic()
    return [
        _described(up, sent, crowd.ready.get(sent.media_id, now), is_ready=sent.media_id in crowd.ready)
        for sent in crowd.sent
    ]


def _described(up: Server, sent: Sent, ready: float, *, is_ready: bool) -> Short:
    steps = spans_of(up, sent.media_id)
    took = ready - sent.ended
    return Short(
        ready_s=round(took, 3),
        is_ready=is_ready,
        shares=shares(steps, took) if is_ready else None,
        longest_wait=longest_wait(steps),
    )
