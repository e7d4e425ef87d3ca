"""`bench audio`: files of beeps, each through `gilfoyle up`, and where the beeps are in the stream."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.audio.report import table
from bench.audio.results import Heard, offsets, summary
from bench.audio.sources import AUDIO_ONLY, CONTAINERS, RATES, Say, codec, make
from bench.machine import Machine
from bench.server import Server, running
from bench.uploads import send, wait_until_ready
from corpus.reading import Beeps, beeps_of, begin_of
from gilfoyle.client import Gilfoyle
from gilfoyle.config import load
from gilfoyle.errors import EncodeFailed, InvalidRequest
from gilfoyle.ffmpeg.tools import ffmpeg_path, ffprobe_path

_AT_ONCE = 3


def audio(seconds: Sequence[int], containers: Sequence[str], rates: Sequence[int], *, as_json: bool) -> None:
    """Measure and print: a table, and with `as_json` the figures as the last line. Raises GilfoyleError."""
    for given, known in ((containers, CONTAINERS), (rates, RATES)):
        if strange := [str(each) for each in given if each not in known]:
            raise InvalidRequest(f"There is no {strange[0]}: it can be {', '.join(map(str, known))}.")
    settings = load()
    say = Console(stderr=True).print
    wanted = [
        (container, rate, length)
        for length in seconds
        for container in containers or CONTAINERS
        for rate in rates or RATES
        if codec(container, rate)
    ]
    with running() as server, tempfile.TemporaryDirectory(prefix="gfb-") as name:
        run = _Run(server, Path(name), ffmpeg_path(settings.tools), ffprobe_path(settings.tools), say)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda each: run.measure(*each), wanted))
    machine = Machine.here(settings)
    Console().print(table(found, machine))
    if as_json:
        print(json.dumps({**summary(found), "machine": asdict(machine), "files": [asdict(each) for each in found]}))


class _Run:
    """One server, and a folder for the files."""

    def __init__(self, server: Server, folder: Path, ffmpeg: str, ffprobe: str, say: Say) -> None:
        self._server, self._folder, self._say = server, folder, say
        self._ffmpeg, self._ffprobe = ffmpeg, ffprobe

    def measure(self, container: str, rate: int, seconds: int) -> Heard:
        """Make a file, send it, and listen to what it becomes."""
        source = make(self._folder, container, rate, seconds, self._ffmpeg)
        heard = Heard(container, rate, seconds)
        try:
            wanted = self._in_source(source)
            for playlist in self._playlists(source, "audio" if container in AUDIO_ONLY else "video"):
                heard.take(offsets(wanted, beeps_of(self._ffmpeg, playlist)))
        except EncodeFailed as error:
            heard.fault = error.message
        finally:
            source.unlink()
        self._say(f"{source.name}: {heard}")
        return heard

    def _in_source(self, source: Path) -> Beeps:
        """Where the beeps are in the file, from the beginning of its video, or of its audio if it has none."""
        begin = begin_of(self._ffprobe, source)
        return [at - begin for at in beeps_of(self._ffmpeg, str(source), stamped=True)]

    def _playlists(self, source: Path, kind: str) -> list[str]:
        with Gilfoyle(self._server.url) as client:
            sent = send(client, source, kind)
            media, _ = wait_until_ready(client, sent.media_id)
        folder = str(media["stream_url"]).removesuffix("/master.m3u8")
        return [f"{folder}/1/{each['name']}/index.m3u8" for each in media["renditions"] if each["kind"] == "audio"]
