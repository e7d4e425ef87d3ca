"""`bench serve`: segments of two sizes from the API's process, and the same files from nginx."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console

from bench import server
from bench.cpu import API, part_of
from bench.machine import Machine
from bench.serve.load import Target, cost_s
from bench.serve.report import table
from bench.serve.results import SIZES, Cost, summary
from bench.servers.nginx import before, nginx, plain
from bench.uploads import send, wait_until_ready
from gilfoyle.cli.text import Json, given
from gilfoyle.client import Gilfoyle
from gilfoyle.errors import InvalidRequest
from gilfoyle.ffmpeg.tools import ffmpeg_path

# Per round: about half a second of CPU of the slower server.
_REQUESTS = {"200kb": 1000, "2mb": 400}


def serve(*, rounds: int, as_json: bool) -> None:
    """Measure, and print: a table, and with `as_json` the figures as the last line. Raises GilfoyleError."""
    if not Path("/proc/self/task").exists():
        raise InvalidRequest("The CPU time of a server is read from /proc: this needs Linux.")
    notes = Console(stderr=True)
    with server.running() as up, Gilfoyle(up.url) as client:
        notes.print("One small film, to have something to play …")
        media = _film(client, ffmpeg_path(up.settings.tools))
        folder = up.settings.storage.filesystem.path / media["id"] / "1" / media["renditions"][0]["name"]
        base = f"/stream/{media['playback_ids'][0]}/1/{folder.name}"
        api = next(child.pid for child in psutil.Process(up.pid).children() if part_of(child.cmdline()) == API)
        medias = up.settings.storage.filesystem.path
        with nginx(plain(folder)) as bare, nginx(before(up.url, medias)) as asking:
            costs = {}
            for name, size in SIZES.items():
                (folder / f"{name}.m4s").write_bytes(os.urandom(size))
                path = f"{base}/{name}.m4s"
                targets = (
                    Target(f"{up.url}{path}", [api], size),
                    Target(f"{asking.url}{path}", [asking.pid, api], size),
                    Target(f"{bare.url}/{name}.m4s", [bare.pid], size),
                )
                costs[name] = _compare(targets, rounds, _REQUESTS[name], notes.print)
        machine = Machine.here(up.settings)
    Console().print(table(costs, machine))
    if as_json:
        found = {name: asdict(cost) for name, cost in costs.items()}
        print(json.dumps({**summary(costs), "machine": asdict(machine), "sizes": found}))


def _compare(targets: Sequence[Target], rounds: int, requests: int, say: Callable[[str], None]) -> Cost:
    """Round after round of all three, so that a busy neighbour meets all."""
    found = []
    for number in range(rounds):
        say(f"{targets[0].size} bytes, round {number + 1} of {rounds} …")
        found.append([cost_s(target, requests) for target in targets])
    api, asking, bare = zip(*found, strict=True)
    return Cost(
        size=targets[0].size,
        api_us=median(api) * 1e6,
        asking_us=median(asking) * 1e6,
        nginx_us=median(bare) * 1e6,
        ratio=median(theirs / ours for ours, _, theirs in found),
        asking_ratio=median(theirs / ours for _, ours, theirs in found),
    )


def _film(client: Gilfoyle, ffmpeg: str) -> Json:
    """A media that is Ready, of two seconds."""
    with tempfile.TemporaryDirectory(prefix="gfb-") as name:
        film = Path(name) / "film.mp4"
        picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"]
        subprocess.run([ffmpeg, "-v", "error", *picture, "-pix_fmt", "yuv420p", str(film)], check=True)
        sent = send(client, film)
    wait_until_ready(client, sent.media_id)
    return given(client.medias.get(sent.media_id))
