"""A player's steps over HTTP: when a media can be played, what is published of it, and all of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx

PAUSE_S = 0.05
"""How often is asked: the resolution of what is measured."""


def wait_for_first_play(http: httpx.Client, master: str, failed: Callable[[], None]) -> float:
    """When the lowest variant and its audio can begin: playlists, init and first segments answer 200.

    By `time.monotonic`. `failed` is called now and then; it raises if there will never be anything to play.
    """
    asked = time.monotonic()
    while not _plays(http, master):
        time.sleep(PAUSE_S)
        if time.monotonic() - asked > 1:
            asked = time.monotonic()
            failed()
    return time.monotonic()


def lowest_playlists(http: httpx.Client, master: str) -> list[str]:
    """The URLs of the lowest variant's playlist and of its audio's; empty while there is no master playlist."""
    text = _get(http, master)
    return [urljoin(master, uri) for uri in renditions(text)] if text else []


def download(http: httpx.Client, master: str, folder: Path) -> None:
    """Every rendition as one file, `{name}.mp4`: its init segment and all its media segments."""
    folder.mkdir(parents=True, exist_ok=True)
    text = http.get(master).raise_for_status().text
    for uri in _playlists(text):
        playlist = urljoin(master, uri)
        listed = http.get(playlist).raise_for_status().text
        with (folder / f"{uri.split('/')[-2]}.mp4").open("wb") as file:
            for part in [*_inits(listed), *_segments(listed)]:
                file.write(http.get(urljoin(playlist, part)).raise_for_status().content)


def _plays(http: httpx.Client, master: str) -> bool:
    playlists = lowest_playlists(http, master)
    return bool(playlists) and all(_begins(http, playlist) for playlist in playlists)


def _begins(http: httpx.Client, playlist: str) -> bool:
    text = _get(http, playlist)
    parts = beginning(text) if text else []
    return bool(parts) and all(http.get(urljoin(playlist, uri)).status_code == httpx.codes.OK for uri in parts)


def _get(http: httpx.Client, url: str) -> str | None:
    answer = http.get(url)
    return answer.text if answer.status_code == httpx.codes.OK else None


def renditions(master: str) -> list[str]:
    """The URIs of a multivariant playlist's lowest variant and, if it has any, of its audio."""
    variants = re.findall(r"^#EXT-X-STREAM-INF:(?:.*,)?BANDWIDTH=(\d+).*\n(.+)$", master, re.MULTILINE)
    lowest = min(variants, key=lambda variant: int(variant[0]))[1]
    return [lowest, *_audio_tracks(master)]


def beginning(playlist: str) -> list[str]:
    """The URIs of a media playlist's init and first segment; empty while no segment is listed."""
    return [*_inits(playlist), *_segments(playlist)[:1]] if _segments(playlist) else []


def published_s(playlist: str) -> tuple[float, bool]:
    """Seconds of media that a playlist lists, and whether it is whole."""
    return sum(map(float, re.findall(r"^#EXTINF:([\d.]+)", playlist, re.MULTILINE))), "#EXT-X-ENDLIST" in playlist


def target_s(playlist: str) -> int:
    """The target duration, in seconds."""
    found = re.search(r"^#EXT-X-TARGETDURATION:(\d+)", playlist, re.MULTILINE)
    return int(found[1]) if found else 0


def _playlists(master: str) -> list[str]:
    return [*re.findall(r"^[^#\s].*$", master, re.MULTILINE), *_audio_tracks(master)]


def _audio_tracks(master: str) -> list[str]:
    return re.findall(r'^#EXT-X-MEDIA:.*TYPE=AUDIO.*URI="([^"]+)"', master, re.MULTILINE)


def _inits(playlist: str) -> list[str]:
    return re.findall(r'^#EXT-X-MAP:.*URI="([^"]+)"', playlist, re.MULTILINE)


def _segments(playlist: str) -> list[str]:
    return re.findall(r"^[^#\s].*$", playlist, re.MULTILINE)
