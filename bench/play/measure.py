"""`bench play`: films of three lengths, each uploaded to a server that has nothing else to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import httpx
from rich.console import Console

from bench import server
from bench.history import spans_of
from bench.machine import Machine
from bench.play.report import table
from bench.play.results import FILMS, WATCHED, Film, Played, summary
from bench.play.watch import watch
from bench.player import wait_for_first_play
from bench.room import check_room
from bench.source import CACHE, make, make_long
from bench.uploads import check, master_url, send
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle
from gilfoyle.config import load
from gilfoyle.errors import InvalidRequest
from gilfoyle.ffmpeg.tools import ffmpeg_path

# A film so short can have a camera's bit rate.
_SHORT_S = 10
_STEPS = 12
# What a server writes besides the upload before it is stopped.
_BESIDES = 2 * 10**9


def play(names: Sequence[str], *, window_s: float, as_json: bool) -> None:
    """Measure the films of those names, or all, and print: a table, and with `as_json` the figures as the last line.

    `window_s`: how long the lowest rung is watched. Raises GilfoyleError.
    """
    known = [film.name for film in FILMS]
    if strange := [name for name in names if name not in known]:
        raise InvalidRequest(f"There is no film {strange[0]}: it can be {', '.join(known)}.")
    settings = load()
    console = Console(stderr=True)
    found: dict[str, Played] = {}
    for film in FILMS:
        if names and film.name not in names:
            continue
        making = make if film.seconds <= _SHORT_S else make_long
        source = making(CACHE, film.seconds, ffmpeg_path(settings.tools), console.print)
        console.print(f"{film.name}: the upload, and the first play …")
        found[film.name] = _play(film, source, window_s)
    machine = Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        raw = {"machine": asdict(machine), "films": {name: asdict(played) for name, played in found.items()}}
        print(json.dumps({**summary(found), **raw}))


def _play(film: Film, source: Path, window_s: float) -> Played:
    """On a server of its own, which is stopped as soon as enough is known: what it has made goes with it."""
    size = source.stat().st_size
    check_room(size + _BESIDES)
    with server.running() as up, Gilfoyle(up.url) as client, httpx.Client(trust_env=False) as http:
        sent = send(client, source)
        master = master_url(up, sent.media_id)
        playable = wait_for_first_play(http, master, lambda: check(given(client.medias.get(sent.media_id))))
        watched = watch(http, master, playable, window_s, film.seconds) if film.name == WATCHED else None
        steps = spans_of(up, sent.media_id)
    return Played(source.name, size, round(sent.upload_s, 3), playable - sent.ended, steps[:_STEPS], watched)
