"""`bench limits`: many uploads at once, and medias that are long, or wide too, each on a server of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console

from bench.limits import crowd, long, sources, wide
from bench.limits.report import table
from bench.limits.results import AUDIO, PARTS, UPLOADS, VIDEO, WIDE, Found, Long, Wide, summary
from bench.machine import Machine
from bench.source import CACHE
from gilfoyle.config import load
from gilfoyle.errors import InvalidRequest
from gilfoyle.ffmpeg.tools import ffmpeg_path

_HOUR_S = 3600


@dataclass(frozen=True)
class Load:
    """How many uploads, and how long the others are."""

    uploads: int
    audio_hours: float
    video_hours: float
    wide_hours: float


def limits(load_: Load, only: Sequence[str], *, as_json: bool) -> None:
    """Measure all parts, or `only` some, and print: a table, and with `as_json` the figures as the last line.

    Raises GilfoyleError.
    """
    if strange := [name for name in only if name not in PARTS]:
        raise InvalidRequest(f"There is no part {strange[0]}: it can be {', '.join(PARTS)}.")
    settings = load()
    say, ffmpeg = Console(stderr=True).print, ffmpeg_path(settings.tools)
    many = None
    longs: dict[str, Long] = {}
    if not only or UPLOADS in only:
        source = sources.tiny(CACHE, ffmpeg, say)
        say(f"{load_.uploads} uploads at once …")
        many = crowd.run(source, load_.uploads, say)
    for part, hours, make in (
        (AUDIO, load_.audio_hours, sources.long_audio),
        (VIDEO, load_.video_hours, sources.long_video),
    ):
        if not only or part in only:
            source = make(CACHE, round(hours * _HOUR_S), ffmpeg, say)
            say(f"{part} of {hours:g} h …")
            longs[part] = long.run(source, part, hours, say)
    many_renditions: Wide | None = None
    if not only or WIDE in only:
        say(f"{WIDE}: {load_.wide_hours:g} h with many renditions …")
        many_renditions = wide.run(load_.wide_hours, say)
    found, machine = Found(many, longs, many_renditions), Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        print(json.dumps({**summary(found), "load": asdict(load_), "machine": asdict(machine), **asdict(found)}))
