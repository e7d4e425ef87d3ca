"""A player's first steps, to tell from when on a media can be played."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urljoin

import httpx

_PAUSE_S = 0.1


def wait_for_first_play(http: httpx.Client, master: str, failed: Callable[[], None]) -> None:
    """Return as soon as the lowest variant and its sound can begin: playlists, init and first segments answer 200.

    `failed` is called now and then; it raises if there will never be anything to play.
    """
    asked = time.monotonic()
    while not _plays(http, master):
        time.sleep(_PAUSE_S)
        if time.monotonic() - asked > 1:
            asked = time.monotonic()
            failed()


def _plays(http: httpx.Client, master: str) -> bool:
    text = _get(http, master)
    if text is None:
        return False
    return all(_begins(http, urljoin(master, uri)) for uri in renditions(text))


def _begins(http: httpx.Client, playlist: str) -> bool:
    text = _get(http, playlist)
    parts = beginning(text) if text else []
    return bool(parts) and all(http.get(urljoin(playlist, uri)).status_code == httpx.codes.OK for uri in parts)


def _get(http: httpx.Client, url: str) -> str | None:
    answer = http.get(url)
    return answer.text if answer.status_code == httpx.codes.OK else None


def renditions(master: str) -> list[str]:
    """The URIs of a multivariant playlist's lowest variant and, if it has any, of its sound."""
    variants = re.findall(r"^#EXT-X-STREAM-INF:(?:.*,)?BANDWIDTH=(\d+).*\n(.+)$", master, re.MULTILINE)
    lowest = min(variants, key=lambda variant: int(variant[0]))[1]
    return [lowest, *re.findall(r'^#EXT-X-MEDIA:.*TYPE=AUDIO.*URI="([^"]+)"', master, re.MULTILINE)]


def beginning(playlist: str) -> list[str]:
    """The URIs of a media playlist's init and first segment; empty while no segment is listed."""
    init = re.findall(r'^#EXT-X-MAP:.*URI="([^"]+)"', playlist, re.MULTILINE)
    segments = re.findall(r"^[^#\s].*$", playlist, re.MULTILINE)
    return [*init, segments[0]] if segments else []
